// Reads desktop.toml, the one project-specific file. Only the keys the shell needs are judged here;
// the backend judges the whole file and says so with exit code 10.
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

const IDENTIFIER = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const COLOUR = /^#[0-9a-fA-F]{6}$/;

export class ManifestError extends Error {}

function text(table, key, fallback) {
  const value = table[key] ?? fallback;
  if (typeof value !== "string" || value === "") {
    throw new ManifestError(`desktop.toml: ${key} must be a text that is not empty`);
  }
  return value;
}

function path(value, key) {
  if (!value.startsWith("/") || value.startsWith("//") || value.includes("\\")) {
    throw new ManifestError(
      `desktop.toml: ${key} must be a path that begins with one "/", not "${value}"`,
    );
  }
  return value;
}

/** The shell's view of desktop.toml; throws ManifestError with a sentence for a person. */
export function parseManifest(source) {
  let document;
  try {
    document = parse(source);
  } catch (error) {
    throw new ManifestError(`desktop.toml cannot be read: ${error.message}`);
  }
  const { app = {}, django = {}, python = {}, login = {}, package: packaging = {} } = document;
  const identifier = text(app, "identifier");
  if (!IDENTIFIER.test(identifier) || identifier.includes("..")) {
    throw new ManifestError(
      `desktop.toml: identifier "${identifier}" may hold letters, digits, "." and "-" only`,
    );
  }
  const background = text(app, "background", "#ffffff");
  if (!COLOUR.test(background)) {
    throw new ManifestError(`desktop.toml: background "${background}" must look like #0f2a33`);
  }
  return {
    name: text(app, "name"),
    identifier,
    version: text(app, "version", "0.0.0"),
    home: path(text(app, "home", "/"), "home"),
    background,
    healthPath: path(text(django, "health_path", "/health/"), "health_path"),
    environmentNames: Object.keys(django.env ?? {}),
    interpreter: python.interpreter ?? "",
    feed: packaging.feed ?? "",
    firstAccount: login.first_account === true,
  };
}

export function readManifest(file) {
  let source;
  try {
    source = readFileSync(file, "utf8");
  } catch (error) {
    throw new ManifestError(`${file} cannot be read: ${error.code}`);
  }
  return parseManifest(source);
}
