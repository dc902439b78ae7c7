// A box above each table in a frame of class "filtered": rows without its words are hidden. Without scripts the table
// is complete.
document.addEventListener("DOMContentLoaded", () => {
  for (const frame of document.querySelectorAll(".filtered")) {
    const rows = [...frame.querySelectorAll("tbody tr")];
    const of = [...frame.classList].find((name) => name.startsWith("filter-")).slice(7).replaceAll("-", " ");
    const label = document.createElement("label");
    const box = document.createElement("input");
    const count = document.createElement("output");
    box.type = "search";
    box.placeholder = "words that a row must have";
    label.append(`Filter ${of} `, box, " ", count);
    frame.before(label);
    label.className = "filter";
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const show = () => {
      const words = box.value.toLowerCase().split(/\s+/);
      rows.forEach((row, i) => (row.hidden = !words.every((word) => texts[i].includes(word))));
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
    };
    box.addEventListener("input", show);
    show();
  }
});
