// Sort tables by a click on a heading. Groups of rows (tbody) stay where they are; equal rows keep their order.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
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
