/* A printed page has its solutions open. A reader who has opened some of them finds
   them as they were. Code that draws a picture stays as it is. */
const opened = [];
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.solution:not([open])")) {
    fold.open = true;
    opened.push(fold);
  }
});
addEventListener("afterprint", () => {
  for (const fold of opened.splice(0)) fold.open = false;
});
