// Buttons that copy what an element says. Without scripts, or where the browser lets nobody copy, there are none.
const said = document.getElementById("said");
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "✓";
      said.textContent = button.dataset.done || "";
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}
