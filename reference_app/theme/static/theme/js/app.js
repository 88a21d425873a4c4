// Delete dialog, form tips and the desktop action. Pages work without it except for deleting.

function openDeleteDialog(button) {
  const dialog = document.getElementById("delete-dialog");
  dialog.querySelector("form").action = button.dataset.deleteUrl;
  dialog.querySelector("[data-delete-title]").textContent = button.dataset.deleteTitle;
  dialog.showModal();
  dialog.querySelector("[data-close-dialog]").focus();
}

function problemWith(field) {
  if (field.required && !field.value.trim())
    return field.dataset.required || "Please fill this in.";
  if (field.validity.tooLong) return field.dataset.tooLong;
  return field.validationMessage;
}

function showTip(field) {
  const message = problemWith(field);
  const tip = document.getElementById(field.getAttribute("aria-describedby"));
  tip.querySelector("span").textContent = message;
  tip.hidden = !message;
  if (message) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  return !message;
}

function validateInPage(form) {
  form.noValidate = true;
  const fields = [...form.querySelectorAll("[aria-describedby]")];
  form.addEventListener("submit", (event) => {
    const invalid = fields.filter((field) => !showTip(field));
    if (!invalid.length) return;
    event.preventDefault();
    invalid[0].focus();
  });
  for (const field of fields) {
    field.addEventListener("input", () => field.hasAttribute("aria-invalid") && showTip(field));
  }
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-delete-url]");
  if (opener) openDeleteDialog(opener);
  const closer = event.target.closest("[data-close-dialog]");
  if (closer) closer.closest("dialog").close();
});

document.querySelectorAll("form[data-validate]").forEach(validateInPage);

// window.desktop exists inside the desktop shell only.
const openAppData = document.querySelector("[data-open-app-data]");
openAppData.hidden = !window.desktop;
openAppData.addEventListener("click", () => window.desktop.openAppDataFolder());
