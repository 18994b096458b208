// Draws the preview that the address names behind its "#": each card in light and dark, as wide as a phone and as a
// desktop; its size and fallback text; and each incident as the portal renders Markdown.
"use strict";

const DESKTOP = 620;
const PHONE = Number(new URLSearchParams(location.search).get("phone")) || 360;
const markdown = window.markdownit({ html: false, linkify: false, breaks: true });
const problems = []; // what the renderer complained about, for tests

function made(kind, properties = {}, ...children) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}

AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
  const html = markdown.render(text).trim();
  result.outputHtml = html.replace(/&lt;at&gt;(.*?)&lt;\/at&gt;/g, '<strong class="mention">$1</strong>');
  result.didProcess = true;
};

function view(content, theme, width) {
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = new AdaptiveCards.HostConfig(hostConfig(theme));
  card.onExecuteAction = (action) => window.open(action.url, "_blank", "noopener,noreferrer");
  const context = new AdaptiveCards.SerializationContext();
  card.parse(content, context);
  for (let place = 0; place < context.eventCount; place++) problems.push(context.getEventAt(place).message);
  for (const found of card.validateProperties().validationEvents) problems.push(found.message);
  const drawn = card.render();
  if (!drawn) problems.push("the renderer drew nothing");
  const box = made("div", { className: `card ${theme} ${width < DESKTOP ? "phone" : "desktop"}` }, drawn || "");
  box.style.width = `${width}px`;
  const name = `${width} pixels, ${theme}`;
  return made("figure", { className: "view" }, made("figcaption", { textContent: name }), box);
}

function shownCard(card, place, of) {
  const heading = made("h3", { textContent: of > 1 ? `Card ${place + 1} of ${of}` : "Card" });
  const size = `${card.bytes.toLocaleString("en")} of ${card.limit.toLocaleString("en")} bytes`;
  const meter = made("meter", { min: 0, max: card.limit, value: card.bytes, ariaLabel: "Bytes of the budget" });
  const content = card.message.attachments[0].content;
  const strip = made("div", { className: "strip", tabIndex: 0 });
  strip.setAttribute("role", "group");
  strip.setAttribute("aria-label", `${heading.textContent}, in four views`);
  for (const width of [PHONE, DESKTOP]) for (const theme of ["light", "dark"]) strip.append(view(content, theme, width));
  const spoken = made("p", { className: "spoken" }, made("strong", { textContent: "Toasts and screen readers: " }), card.fallback_text);
  return [heading, made("p", {}, meter, ` ${size}`), strip, spoken];
}

function shownIncident(incident) {
  const facts = [incident.severity, ...incident.labels].join(" · ");
  const box = made("article", { className: "incident" }, made("h4", { textContent: incident.title }));
  box.append(made("p", { className: "facts", textContent: facts }));
  if (incident.description) box.append(made("div", { innerHTML: markdown.render(incident.description) }));
  for (const comment of incident.comments) {
    box.append(made("div", { className: "comment", innerHTML: markdown.render(comment) }));
  }
  return box;
}

function shownPreview(preview) {
  const parts = [made("h2", { textContent: preview.name }), made("p", { textContent: preview.about })];
  preview.cards.forEach((card, place) => parts.push(...shownCard(card, place, preview.cards.length)));
  if (!preview.cards.length) parts.push(made("p", { textContent: "No card." }));
  const incidents = preview.incidents;
  parts.push(made("h3", { textContent: incidents.length === 1 ? "Incident" : `Incidents: ${incidents.length}` }));
  incidents.slice(0, 3).forEach((incident) => parts.push(shownIncident(incident)));
  if (incidents.length > 3) {
    const more = made("details", {}, made("summary", { textContent: `${incidents.length - 3} more` }));
    more.addEventListener("toggle", () => {
      if (more.open && more.children.length === 1) more.append(...incidents.slice(3).map(shownIncident));
    });
    parts.push(more);
  }
  return parts;
}

function show(previews) {
  const name = decodeURIComponent(location.hash.slice(1));
  const chosen = previews.find((each) => each.name === name) || previews[0];
  problems.length = 0;
  document.getElementById("shown").replaceChildren(...shownPreview(chosen));
  for (const link of document.querySelectorAll("#names a")) {
    if (link.hash === `#${chosen.name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.shown = chosen.name;
}

fetch("previews.json").then((response) => response.json()).then(({ previews }) => {
  const names = previews.map(({ name }) => made("li", {}, made("a", { href: `#${name}`, textContent: name })));
  document.getElementById("names").replaceChildren(...names);
  window.addEventListener("hashchange", () => show(previews));
  show(previews);
});
