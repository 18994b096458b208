// One Chromium for many looks. Reads a JSON command a line on standard input ([verb, argument]), and answers each with
// a JSON line: {"value": …} or {"error": …}. Whatever is not on this machine's loopback is not loaded, but noted.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const { chromium } = require("playwright-core");
const { smallPng } = require("./small_png.js");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--force-color-profile=srgb", "--font-render-hinting=none", "--disable-lcd-text"];

function ofPage(request, page) {
  try {
    return request.frame().page() === page;
  } catch { // a tab that is only opening has no frame yet
    return false;
  }
}

async function started(executable, scale) {
  const browser = await chromium.launch({ executablePath: executable, args: FLAGS });
  const context = await browser.newContext({ deviceScaleFactor: scale, serviceWorkers: "block" });
  const page = await context.newPage();
  const noted = { errors: [], requests: [], opened: [] };
  page.on("pageerror", (error) => noted.errors.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) noted.errors.push(message.text());
  });
  await context.route("**/*", async (route) => {
    const request = route.request();
    const local = new URL(request.url()).hostname === "127.0.0.1";
    const elsewhere = request.isNavigationRequest() && !ofPage(request, page);
    if (elsewhere) noted.opened.push(request.url());
    else if (!local) noted.requests.push(request.url());
    await (local && !elsewhere ? route.continue() : route.abort());
  });
  return { browser, page, noted };
}

const VERBS = {
  async open({ page }, { url, width, height }) {
    await page.setViewportSize({ width, height: height || 800 });
    await page.goto(url, { waitUntil: "load" });
  },
  content: ({ page }, html) => page.setContent(html),
  async wait({ page }, expression) { // Playwright's own way evaluates text on the page, which its policy forbids
    const ends = Date.now() + 20_000;
    while (!(await page.evaluate(expression))) {
      if (Date.now() > ends) throw new Error(`waited in vain for ${expression}`);
      await page.waitForTimeout(20);
    }
    return true;
  },
  evaluate: ({ page }, expression) => page.evaluate(expression),
  async shoot({ page }, { selector, path, fine }) {
    const scale = fine ? "device" : "css";
    fs.writeFileSync(path, smallPng(await page.locator(selector).first().screenshot({ animations: "disabled", scale })));
  },
  async axe({ page }, selector) {
    await page.evaluate(AXE);
    const run = (of) => axe.run(of, { resultTypes: ["violations", "incomplete"] }); // eslint-disable-line no-undef
    const { violations, incomplete } = await page.evaluate(`(${run})(${JSON.stringify(selector)})`);
    const short = ({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) });
    return { violations: violations.map(short), incomplete: incomplete.map(short) };
  },
  // Everything noted since the last time; `count` openings are waited for.
  async noted({ page, noted }, count) {
    for (let turn = 0; noted.opened.length < count && turn < 250; turn++) await page.waitForTimeout(20);
    const found = { ...noted };
    Object.assign(noted, { errors: [], requests: [], opened: [] });
    return found;
  },
};

async function main() {
  const [executable, scale] = process.argv.slice(2);
  const running = await started(executable, Number(scale));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, argument] = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await VERBS[verb](running, argument)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await running.browser.close();
}

main().catch((error) => {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  process.exitCode = 1;
});
