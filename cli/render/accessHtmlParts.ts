/** The look of the page of who may call whom, by day and by night. Colours never tell anything alone. */
export const style = `
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5d6675; --paper: #fff; --line: #e2e8f2; --even: #f5f7fb; --strong: #d9ecdf; --weak: #fbeccc; --gained: #d9ecdf; --lost: #f9dcd8; --other: #dfe8fb; --link: #1f5fbf }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --quiet: #9aa4b3; --paper: #14171c; --line: #29313d; --even: #1a1f26; --strong: #1d3b2a; --weak: #47391a; --gained: #1d3b2a; --lost: #4a2420; --other: #22304d; --link: #7fb0ff } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1200px; margin: 0 auto; padding: 24px 20px 80px }
h1 { font-size: 22px; margin: 0 } h2 { font-size: 16px; margin: 24px 0 4px }
p { margin: 4px 0 } a { color: var(--link); text-decoration: none } a:hover, a:focus-visible { text-decoration: underline }
.quiet { color: var(--quiet); font-weight: 400 } .unseen { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }
.wide { overflow-x: auto } table { border-collapse: collapse; margin: 6px 0 }
.changes table, details table { width: 100% }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 6px; border-bottom: 1px solid var(--line) }
th { color: var(--quiet); font-weight: 500 }
td.authenticated, .key.authenticated { background: var(--strong) } td.told, .key.told { background: var(--weak) } .key { padding: 1px 6px; border-radius: 4px; color: var(--ink) }
tr.gained td { background: var(--gained) } tr.lost td { background: var(--lost) } tr.authentication td { background: var(--other) }
.matrix { max-height: 70vh; overflow: auto; border: 1px solid var(--line); width: fit-content; max-width: 100% }
.matrix table { margin: 0 } .matrix td { text-align: center; padding: 2px 8px; min-width: 20px; border: 1px solid var(--line) } .matrix td a { display: block; color: var(--ink) }
.matrix th { position: sticky; background: var(--paper); z-index: 1 } .matrix th[scope=col], .matrix tr:first-child th { top: 0; vertical-align: bottom } .matrix th[scope=col] span { writing-mode: vertical-rl; rotate: 180deg; white-space: nowrap }
.matrix th[scope=row] { left: 0; white-space: nowrap } .matrix tr:first-child th:first-child { left: 0; z-index: 2 }
form { position: sticky; top: 0; z-index: 3; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; background: var(--paper); padding: 10px 0; margin-top: 20px; border-bottom: 1px solid var(--line) }
form[hidden] { display: none } input[type=search] { width: 20em; max-width: 60vw } input, select, button { font: inherit }
details { margin-top: 8px; border: 1px solid var(--line); border-radius: 6px; padding: 6px 12px; scroll-margin-top: 70px } summary { cursor: pointer; font-weight: 600 }
details tr:nth-child(even) td:not(.authenticated, .told) { background: var(--even) }
`;

/** The filter: every word must be in a line, as must what was clicked. Nothing is remembered and nothing is sent. */
export const script = `
const form = document.getElementById("filter"), { find, kind, changed } = form.elements, output = form.querySelector("output");
const parts = [...document.querySelectorAll("details")].map((part) => ({ part, count: part.querySelector(".count"), was: part.open,
  rows: [...part.querySelectorAll("tr[data-from]")].map((row) => ({ row, words: (part.dataset.to + " " + row.textContent).toLowerCase(), names: [...row.querySelectorAll("[data-name]")].map((link) => link.dataset.name) })) }));
let only = {};
function show() {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean), filtered = words.length > 0 || kind.value !== "" || Object.keys(only).length > 0;
  let shown = 0;
  for (const { part, rows, count, was } of parts) {
    const here = (!changed?.checked || "changed" in part.dataset) && (only.to === undefined || only.to === part.dataset.to);
    let inside = 0;
    for (const { row, words: has, names } of rows) {
      const matches = here && words.every((word) => has.includes(word)) && (kind.value === "" || row.dataset.kind === kind.value) &&
        (only.from === undefined || row.dataset.from === only.from) && (only.name === undefined || names.includes(only.name));
      row.hidden = !matches;
      if (matches) inside++;
    }
    part.hidden = inside === 0;
    part.open = filtered ? inside > 0 : was;
    count.textContent = inside;
    shown += inside;
  }
  const what = only.name ?? (only.to === undefined ? undefined : only.from + " \\u2192 " + only.to);
  output.textContent = shown + " lines" + (what === undefined ? "" : ", only " + what);
}
form.hidden = false;
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => { only = {}; setTimeout(show); });
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-name], a[data-to]");
  if (!link) return;
  event.preventDefault();
  const { name, from, to } = link.dataset;
  only = name === undefined ? { from, to } : only.name === name ? {} : { name };
  show();
  form.scrollIntoView();
});
show();
`;
