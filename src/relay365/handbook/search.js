// The search of the site: every word must stand in the page; titles count more. INDEX comes from search-index.js.
"use strict";
const asked = new URLSearchParams(location.search).get("q") || "";
const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
const said = document.getElementById("said");
const found = document.getElementById("found");
document.getElementById("q").value = asked;

const weigh = (page) => {
  const title = page.t.toLowerCase(), text = page.x.toLowerCase();
  if (!words.every((word) => title.includes(word) || text.includes(word))) return 0;
  return words.reduce((sum, word) => sum + 1 + 20 * title.includes(word) + Math.min(text.split(word).length - 1, 10), 0);
};

const entry = (page) => {
  const item = document.createElement("li"), link = document.createElement("a"), line = document.createElement("p");
  const at = Math.max(0, page.x.toLowerCase().indexOf(words[0]) - 60);
  link.href = page.u;
  link.textContent = page.t;
  line.textContent = (at ? "..." : "") + page.x.slice(at, at + 180) + "...";
  item.append(link, line);
  return item;
};

const hits = INDEX.map((page) => [weigh(page), page]).filter(([weight]) => words.length && weight);
hits.sort((one, other) => other[0] - one[0]);
said.textContent = words.length ? `${hits.length} pages for "${asked}"` : "Type words into the field above.";
found.append(...hits.slice(0, 50).map(([, page]) => entry(page)));
