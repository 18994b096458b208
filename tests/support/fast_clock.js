// Loaded before a service: its clock runs HASTE times as fast from its start on, so that ten minutes pass in seconds.
const RealDate = Date;
const began = RealDate.now();
const haste = Number(process.env.HASTE);
const now = () => Math.round(began + (RealDate.now() - began) * haste);
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given) => (given.length ? new target(...given) : new target(now())),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === "now" ? now : target[name]),
});
