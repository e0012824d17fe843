// Sort tables by a click on a heading. Groups of rows (tbody) stay where they are; equal rows keep their order.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...[...table.tHead.rows].at(-1).cells];
  headings.forEach((heading, index) => {
    const button = heading.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("number");
      const was = heading.getAttribute("aria-sort");
      // Numbers start with the largest, words with A.
      const descending = was ? was === "ascending" : numeric;
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const key = (row) => row.cells[index].dataset.value;
      const number = (row) => Number(key(row).replace("inf", "Infinity"));
      const compare = numeric ? (a, b) => number(a) - number(b) || 0 : (a, b) => key(a).localeCompare(key(b));
      for (const body of table.tBodies) {
        const rows = [...body.rows].sort((a, b) => (descending ? compare(b, a) : compare(a, b)));
        body.append(...rows);
      }
    });
  });
}

// Choose rows by text and by kind. The forms do nothing without this script, so it is what shows them.
for (const form of document.querySelectorAll("form.filters")) {
  const rows = [...document.getElementById(form.dataset.table).tBodies].flatMap((body) => [...body.rows]);
  const text = form.querySelector("input[type=search]");
  const kinds = [...form.querySelectorAll("input[type=checkbox]")];
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = new Set(kinds.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const row of rows) {
      const said = row.textContent.toLowerCase();
      row.hidden = !kept.has(row.className) || !words.every((word) => said.includes(word));
      shown += !row.hidden;
    }
    form.querySelector("output").textContent = shown < rows.length ? `${shown} of ${rows.length} rows` : "";
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
}

// A link to something that is folded away unfolds it.
const unfold = () => {
  for (let at = document.getElementById(decodeURIComponent(location.hash.slice(1))); at; at = at.parentElement)
    if (at.tagName === "DETAILS") at.open = true;
};
addEventListener("hashchange", unfold);
unfold();

// Heads of tables stay in sight below the sections' names where the whole table fits into the page.
const nav = document.querySelector("nav");
const fit = new ResizeObserver((entries) => {
  document.documentElement.style.setProperty("--nav", `${nav.offsetHeight}px`);
  for (const { target: box } of entries)
    box.classList.toggle("fits", box.firstElementChild.offsetWidth <= box.clientWidth);
});
for (const box of document.querySelectorAll(".table-box")) fit.observe(box);

// Mark the section that is read, and keep its name in sight.
const entries = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
const read = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      const link = entries.get(target.id);
      if (!isIntersecting) {
        link.removeAttribute("aria-current");
        continue;
      }
      link.setAttribute("aria-current", "true");
      nav.scrollLeft = link.offsetLeft - (nav.clientWidth - link.offsetWidth) / 2;
    }
  },
  // The line a quarter down the window: one section at most lies across it.
  { rootMargin: "-25% 0px -75% 0px" },
);
for (const section of document.querySelectorAll("main > section")) read.observe(section);

// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("#checks details")) folded.open = true;
  // Columns are explained at their first table of each section.
  for (const section of document.querySelectorAll("main > section")) {
    const explained = section.querySelector(":scope > .columns");
    if (explained) explained.open = true;
  }
});
