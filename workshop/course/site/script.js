// Colours, search, keys and printing. Without this script a page can be read all the same.
"use strict";

// A browser may refuse to remember anything, for instance for pages from a disk.
const recall = key => { try { return localStorage.getItem(key); } catch { return null; } };
const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { } };
const $ = selector => document.querySelector(selector);

// --- dark and light: what the reader chose, else what the system says

const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (recall("colours") ?? (system.matches ? "dark" : "light")) === "dark";

function paint() {
  document.documentElement.dataset.colours = isDark() ? "dark" : "light";
  $("#dark")?.setAttribute("aria-pressed", isDark());
}
paint();                          // before the page is drawn
system.addEventListener("change", paint);

// --- search: a section is found if it has every word; titles and headings count more, and most of
// all a heading that is what was asked for, as in the glossary

function search(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const rate = ([, title, , heading, text]) => words.map(word =>
    8 * title.toLowerCase().includes(word) + 4 * heading.toLowerCase().includes(word)
    + Math.min(3, text.toLowerCase().split(word).length - 1));
  return !words.length ? [] : PAGES
    .map(section => [section, rate(section)])
    .filter(([, rates]) => rates.every(Boolean))
    .map(([section, rates]) => [section, rates.reduce((sum, one) => sum + one,
      100 * (section[3].toLowerCase() === words.join(" ")))])
    .sort((one, other) => other[1] - one[1])
    .slice(0, 20)
    .map(([section]) => ({ section, words }));
}

function entry({ section: [path, title, id, heading, text], words }) {
  const item = document.createElement("li"), link = document.createElement("a");
  link.href = `${document.body.dataset.top}${path}#${encodeURIComponent(id)}`;
  link.textContent = heading && !title.endsWith(heading) ? `${title}: ${heading}` : title;
  const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 60);
  const excerpt = document.createElement("p");
  excerpt.textContent = (at ? "… " : "") + text.slice(at, at + 160) + (at + 160 < text.length ? " …" : "");
  item.append(link, excerpt);
  return item;
}

function show(query) {
  const found = search(query), words = document.createElement("p"), list = document.createElement("ol");
  words.textContent = found.length === 20 ? "The best 20 places:" :
    found.length ? `Places: ${found.length}` : "Nothing has all of these words.";
  list.append(...found.map(entry));
  $("#results").replaceChildren(words, list);
  $("#results").hidden = !query.trim();
}

function fetchIndex() {           // when it is first needed: it is as large as all the texts
  if ($("#index")) return;
  const script = document.createElement("script");
  script.id = "index";
  script.src = `${document.body.dataset.top}search.js`;
  script.onload = () => show($("#query").value);
  document.head.append(script);
}

// --- when the page is there

addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll("header [hidden], footer [hidden]")) element.hidden = false;
  paint();
  $("#dark").onclick = () => { remember("colours", isDark() ? "light" : "dark"); paint(); };
  $("#query").onfocus = fetchIndex;
  $("#query").oninput = () => { if (window.PAGES) show($("#query").value); };
  $("form").onsubmit = event => { event.preventDefault(); $("#results a")?.focus(); };
  $("#keys").checked = recall("keys") !== "off";
  $("#keys").onchange = () => remember("keys", $("#keys").checked ? "on" : "off");
  if (innerWidth < 960) $(".contents details")?.removeAttribute("open");
  reach();
});
addEventListener("resize", reach);

// What scrolls in its own box can be reached with Tab, and then scrolled with the arrow keys.
function reach() {
  for (const box of document.querySelectorAll("pre, .wide, .diagram, .sk-top-container")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

addEventListener("keydown", event => {
  if (event.key === "Escape" && !$("#results").hidden) {
    $("#query").value = "";
    show("");
    $("#query").focus();
  }
  if (event.ctrlKey || event.altKey || event.metaKey || !$("#keys").checked
      || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "/") { event.preventDefault(); $("#query").focus(); }
  if (event.key === "n") $("a[rel=next]")?.click();
  if (event.key === "p") $("a[rel=prev]")?.click();
});

// --- on paper, what is folded is opened

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
