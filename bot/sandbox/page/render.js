// From Bot API objects to DOM. Everything foreign goes through textContent; links only to http, https and tg.
import { say, speaks } from "./words.js";

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (name in node && name !== "role" && typeof value !== "object") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}
export function address(text) {
  try {
    const url = new URL(/^(https?:\/\/|tg:)/i.test(text) ? text : `http://${text}`);
    return ["http:", "https:", "tg:"].includes(url.protocol) ? url : null;
  } catch { return null; }
}
// The payload of t.me/<bot>?start=… or tg://resolve?domain=<bot>&start=…; null for any other address.
export function startOf(url, bot) {
  const name = url.protocol === "tg:" ? url.searchParams.get("domain") : url.hostname === "t.me" ? url.pathname.slice(1) : "";
  return name && bot && name.toLowerCase() === bot.toLowerCase() ? url.searchParams.get("start") ?? "" : null;
}
const locale = (lang) => ({ en: "en-GB", ru: "ru-RU" })[lang] ?? lang;
// Many browsers know no Kazakh dates, so these are put together here: «2026 ж. 23 қараша, дүйсенбі, 08:37».
const MONTHS = "қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан".split(" ");
const DAYS = { Mon: "дүйсенбі", Tue: "сейсенбі", Wed: "сәрсенбі", Thu: "бейсенбі", Fri: "жұма", Sat: "сенбі", Sun: "жексенбі" };
function kazakh(epoch, { dateStyle, timeStyle, timeZone, ...wanted }) {
  if (dateStyle) Object.assign(wanted, { weekday: "long", ...PARTS.D });
  if (timeStyle) Object.assign(wanted, PARTS.T);
  const all = { weekday: "short", year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const parts = new Intl.DateTimeFormat("en-GB", { ...all, timeZone }).formatToParts(epoch * 1000);
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  const date = wanted.month === "long" ? `${part.day} ${MONTHS[part.month - 1]}` : `${part.day}.${part.month}.${part.year}`;
  const day = wanted.day && (wanted.year && wanted.month === "long" ? `${part.year} ж. ${date}` : date);
  const time = wanted.hour && [part.hour, part.minute, wanted.second && part.second].filter(Boolean).join(":");
  return [day, wanted.weekday && DAYS[part.weekday], time].filter(Boolean).join(", ");
}
const show = (epoch, options, lang) => (lang === "kk" ? kazakh(epoch, options)
  : new Intl.DateTimeFormat(locale(lang), options).format(epoch * 1000));
export const clockTime = (epoch, options = PARTS.t) => show(epoch, options, speaks());
const full = { dateStyle: "full", timeStyle: "long" };
const PARTS = {
  t: { hour: "2-digit", minute: "2-digit" }, T: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  d: { day: "2-digit", month: "2-digit", year: "numeric" }, D: { day: "numeric", month: "long", year: "numeric" },
  w: { weekday: "short" }, W: { weekday: "long" },
};
export function ago(epoch, now, lang) {
  const kk = { day: "күн", hour: "сағат", minute: "минут", second: "секунд" };
  const seconds = epoch - now;
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) ?? steps[3];
  const count = Math.round(seconds / size);
  if (lang === "kk") return count > 0 ? `${count} ${kk[unit]} қалды` : `${-count} ${kk[unit]} бұрын`;
  return new Intl.RelativeTimeFormat(locale(lang), { numeric: "auto" }).format(count, unit);
}
function moment(entity, text, context) {
  const form = entity.date_time_format ?? "";
  const time = h("time", { dateTime: new Date(entity.unix_time * 1000).toISOString(), title: clockTime(entity.unix_time, full) });
  if (/^r$/i.test(form)) {
    time.dataset.since = entity.unix_time;
    time.dataset.lang = context.lang;
    time.textContent = ago(entity.unix_time, context.now(), context.lang);
  } else if (form) {
    const options = Object.assign({}, ...[...form].map((letter) => PARTS[letter] ?? {}));
    time.textContent = show(entity.unix_time, options, context.lang);
  } else time.textContent = text;
  return time;
}
function spoiler(inner) {
  const open = (event) => {
    event.preventDefault();
    event.stopPropagation();
    node.classList.add("open");
    for (const name of ["role", "tabindex", "aria-label"]) node.removeAttribute(name);
  };
  const keys = (event) => { if ((event.key === "Enter" || event.key === " ") && !node.classList.contains("open")) open(event); };
  const node = h("span", { className: "spoiler", role: "button", tabIndex: 0, "aria-label": say("spoiler") }, inner);
  node.addEventListener("click", (event) => { if (!node.classList.contains("open")) open(event); }, true);
  node.addEventListener("keydown", keys);
  return node;
}
function quote(inner, folded) {
  const node = h("blockquote", {}, inner);
  if (!folded) return node;
  const flip = () => {
    const open = node.classList.toggle("open");
    button.setAttribute("aria-expanded", open);
    button.textContent = say(open ? "less" : "more");
  };
  const button = h("button", { type: "button", className: "fold", "aria-expanded": "false", on: { click: flip } }, say("more"));
  node.classList.add("folded");
  return h("div", { className: "quote" }, node, button);
}
export function anchor(url, inner, context) {
  const start = startOf(url, context.bot());
  const act = (event) => { if (start !== null) { event.preventDefault(); context.send(`/start ${start}`.trim()); } };
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer", on: { click: act } }, inner);
}
const PLAIN = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code",
  hashtag: "mark", cashtag: "mark", mention: "mark", text_mention: "mark", email: "mark", phone_number: "mark",
};
function dress(entity, text, inner, context) {
  const { type } = entity;
  if (type in PLAIN) return h(PLAIN[type], {}, inner);
  if (type === "pre") return h("pre", {}, h("code", { lang: entity.language }, inner));
  if (type === "url" || type === "text_link") {
    const url = address(type === "url" ? text : entity.url ?? "");
    return url ? anchor(url, inner, context) : h("span", {}, inner);
  }
  if (type === "bot_command") {
    return h("button", { type: "button", className: "command", on: { click: () => context.send(text) } }, inner);
  }
  if (type === "date_time" && Number.isFinite(entity.unix_time)) return moment(entity, text, context);
  if (type === "spoiler") return spoiler(inner);
  if (type === "blockquote" || type === "expandable_blockquote") return quote(inner, type !== "blockquote");
  return h("span", {}, inner);
}
// Text with entities as nodes. Offsets are UTF-16 units, as JavaScript counts; strays are cut to their parent.
export function rich(text, entities, context) {
  const rank = ({ type }) => (type.includes("blockquote") ? 0 : type === "pre" ? 1 : 2);
  const walk = (from, to, inside) => {
    const out = [];
    let at = from;
    while (inside.length) {
      const entity = inside[0];
      const start = Math.max(at, entity.offset);
      const end = Math.min(to, entity.offset + entity.length);
      const nested = inside.slice(1).filter((other) => other.offset < end);
      inside = inside.slice(1).filter((other) => other.offset >= end);
      if (end <= start) continue;
      if (start > at) out.push(text.slice(at, start));
      out.push(dress(entity, text.slice(start, end), walk(start, end, nested), context));
      at = end;
      if (/block|pre/.test(entity.type) && text[at] === "\n") at += 1;
    }
    if (at < to) out.push(text.slice(at, to));
    return out;
  };
  const valid = (entities ?? []).filter((e) => e.offset >= 0 && e.length > 0 && e.offset + e.length <= text.length);
  return walk(0, text.length, valid.sort((a, b) => a.offset - b.offset || b.length - a.length || rank(a) - rank(b)));
}
// A rich message: blocks, whose text is a string, or strings and dressed parts in each other.
const dressed = (text, context) => (typeof text === "string" ? [text] : Array.isArray(text) ? text.flatMap((part) => dressed(part, context))
  : [dress(text.type === "url" ? { ...text, type: "text_link" } : text, String(text.text), dressed(text.text ?? "", context), context)]);
export const article = (blocks, context) => blocks.map(({ type, text, size, blocks: inner, credit }) => (inner
  ? h("blockquote", {}, article(inner, context), credit && h("cite", {}, dressed(credit, context)))
  : h({ heading: `h${Math.min(6, size + 2)}`, footer: "footer" }[type] ?? "p", {}, dressed(text, context))));
const previews = new Map();
function learn(url) {
  const ours = url.pathname.startsWith("/newsroom/article/");
  const ask = () => fetch(`/newsroom/preview?url=${encodeURIComponent(url.href)}`).then((r) => (r.ok ? r.json() : null));
  if (!previews.has(url.href)) previews.set(url.href, ours ? ask().catch(() => null) : Promise.resolve(null));
  return previews.get(url.href);
}
// The box under (or above) a text with a link; empty, and out of sight, until something is known of the page.
export function preview(message, context) {
  const options = message.link_preview_options ?? {};
  const text = message.text ?? "";
  const links = (message.entities ?? []).filter((e) => e.type === "url" || e.type === "text_link");
  const first = links.map((e) => (e.type === "url" ? text.substr(e.offset, e.length) : e.url))[0];
  const url = options.is_disabled ? null : address(options.url ?? first ?? "");
  if (!url || !url.hostname || !message.text) return null;
  const box = h("a", { className: "preview", href: url.href, target: "_blank", rel: "noopener noreferrer", hidden: true });
  if (options.prefer_small_media) box.classList.add("small");
  learn(url).then((page) => {
    if (!page) return;
    box.append(h("span", { className: "site" }, page.site), h("strong", {}, page.title), h("span", {}, page.description));
    const image = page.image?.startsWith("/newsroom/") && page.image;
    if (image) box.append(h("img", { src: image, alt: "", width: 960, height: 540 }));
    box.hidden = false;
    context.grown();
  });
  return box;
}
export const pictures = (message) => {
  const size = message.photo?.at(-1);
  return size ? [h("img", { src: `/sim/file/${encodeURIComponent(size.file_id)}`, alt: say("photo"),
    width: size.width, height: size.height, className: message.has_media_spoiler ? "veiled" : "" })] : [];
};
export function inlineKeys(rows, press) {
  if (!rows?.length) return null;
  return h("div", { className: "keys" }, rows.map((row) => h("div", { className: "keyrow" }, row.map((key) => {
    const button = h("button", { type: "button", className: `key ${/^\w+$/.test(key.style ?? "") ? key.style : ""}`,
      disabled: Boolean(key.disabled), on: { click: () => press(key, button) } }, key.text);
    if (key.url) button.append(icon("out"));
    return button;
  }))));
}
