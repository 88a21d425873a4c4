"""Write the reference pages and llms.txt from the code, SPEC.md and mkdocs.yml.

    python -m tools.docs.generate          write what is not up to date
    python -m tools.docs.generate --check  write nothing; exit code 1 when something is stale

What is generated is committed: reports link to the pages, and agents read them in the repository.
Raises SystemExit naming the option or key that has no line of documentation.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from checks import criteria
from checks import plugin as checks_plugin
from checks.criteria import Criterion
from skill_scripts import desktop_toml
from skill_scripts.cli import app
from skill_scripts.errors import ERRORS
from skill_scripts.findings.finding import DECIDE, FINDINGS, SEVERITIES
from tools.docs import maturity

KIT = Path(__file__).resolve().parents[2]
DOCS = KIT / "docs"
NOTE = "<!-- Written by tools/docs/generate.py; change {source} and run it again. -->"
EVIDENCE = "docs/evidence.json, docs/maturity.toml and docs/platforms.toml"


def main() -> int:
    """Write or compare all generated files; the result is the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare only")
    check = arguments.parse_args().check
    stale = [path for path, text in generated().items() if current(path) != text]
    for path in stale:
        print(f"{'not up to date' if check else 'written'}: {path.relative_to(KIT).as_posix()}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generated()[path], encoding="utf-8", newline="\n")
    return 1 if check and stale else 0


def current(path: Path) -> str:
    """The text of a file as it is, empty when there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def generated() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    reference = DOCS / "reference"
    pages = {
        reference / "specification.md": specification_page(),
        reference / "criteria.md": criteria_page(),
        reference / "desktop-toml.md": manifest_page(),
        reference / "cli.md": cli_page(),
        reference / "errors.md": errors_page(),
        reference / "findings.md": findings_page(),
        reference / "glossary.md": glossary_page(),
        KIT / "SKILL.md": skill(),
        DOCS / "explanation" / "maturity.md": maturity.page(NOTE.format(source=EVIDENCE)),
    }
    pages[KIT / "llms.txt"] = llms(pages_of_site(pages))
    return pages


# --- SPEC.md --------------------------------------------------------------------------------------


def specification_page() -> str:
    """SPEC.md up to the criteria, which have a page of their own."""
    prose = current(KIT / "SPEC.md").split("\n# The criteria\n")[0].replace("](docs/", "](../")
    return page("SPEC.md", prose + "\nThe criteria follow on [their own page](criteria.md).")


def spec_section(title: str) -> str:
    """The text of one section of SPEC.md."""
    found = re.search(
        rf"^##+ {re.escape(title)}\n(.+?)(?=^##)", current(KIT / "SPEC.md"), re.S | re.M
    )
    if found is None:
        raise SystemExit(f"SPEC.md has no section {title}")
    return found[1].strip()


@dataclass(frozen=True)
class CheckFunction:
    """A function of the suite that decides criteria."""

    file: str
    name: str
    title: str


def check_functions() -> dict[str, list[CheckFunction]]:
    """The functions that decide each criterion, read from their markers."""
    found: dict[str, list[CheckFunction]] = {}
    for file in sorted((KIT / "checks").glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            title = (ast.get_docstring(node) or node.name).splitlines()[0].rstrip(".")
            for name in _marked(node):
                check = CheckFunction(f"checks/{file.name}", node.name, title)
                found.setdefault(name, []).append(check)
    return found


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".criterion"):
            yield from (each.value for each in decorator.args if isinstance(each, ast.Constant))


def criteria_page() -> str:
    """Every criterion with its reason and the checks that decide it."""
    known, checks = criteria.load(), check_functions()
    families = re.findall(r"^## ([A-Z]{3}): (.+)\n\n(.+)\n", current(KIT / "SPEC.md"), re.M)
    lines = [
        "# Criteria and their checks",
        "",
        f"SPEC.md {criteria.VERSIONS[-1]} has {len(known)} criteria, each with a check. "
        "What a check cannot decide on this system or in this stage is reported as *not run here*, "
        "which is never a pass.",
        "",
        "| family | about | criteria |",
        "| --- | --- | --- |",
    ]
    for family, title, about in families:
        ids = [each for each in known if each.startswith(family)]
        links = " ".join(f"[{each.split('-')[1]}](#{each.lower()})" for each in ids)
        lines.append(f"| {family} | {title}: {about} | {links} |")
    for family, title, about in families:
        lines += ["", f"## {family}: {title}", "", about]
        for name, criterion in known.items():
            if name.startswith(family):
                lines += _criterion(criterion, checks.get(name, []))
    return page("SPEC.md", "\n".join(lines))


def _criterion(criterion: Criterion, checks: list[CheckFunction]) -> list[str]:
    source = f"\n- **Source:** {_links(criterion.source)}" if criterion.source else ""
    decided = "; ".join(f"{c.title} (`{c.file}::{c.name}`)" for c in checks)
    return [
        "",
        f"### {criterion.id}",
        "",
        f"**{criterion.level} · {criterion.profile}.** {criterion.text}",
        "",
        f"- **Why:** {criterion.why}{source}",
        f"- **How:** {criterion.how}",
        f"- **Where:** {', '.join(criterion.stages)}; platforms: {', '.join(criterion.platforms)}",
        f"- **Decided by:** {decided}",
    ]


def _links(source: str) -> str:
    """Issue names and bare addresses as links."""
    linked = re.sub(r"(?<![\w/])([\w.-]+/[\w.-]+)#(\d+)", r"[\1#\2](https://github.com/\1/issues/\2)",
                    source)  # fmt: skip
    return re.sub(r"(?<!\()(https?://\S+)", r"<\1>", linked)


# --- code -----------------------------------------------------------------------------------------


def manifest_page() -> str:
    """Every key of desktop.toml: type and default from the code, its sense from keys.toml."""
    notes = tomllib.loads(current(DOCS / "keys.toml"))
    schema = json.loads((KIT / "checks" / "desktop.schema.json").read_text(encoding="utf-8"))
    lines = ["# desktop.toml", "", notes["introduction"].strip()]
    for table, description in schema["properties"].items():
        array = description["type"] == "array"
        entry = description["items"] if array else description
        properties = entry.get("properties", {})
        title = f"[[{table}]]" if array else f"[{table}]" if properties else table
        lines += ["", f"## {title}", "", _note(notes, table, "about").strip()]
        if not properties:
            continue
        lines += ["", "| key | type | default | |", "| --- | --- | --- | --- |"]
        for key, value in properties.items():
            defaults = desktop_toml.TABLES.get(table, {})
            default = json.dumps(defaults[key].default) if key in defaults else ""
            is_required = array and key in entry["required"]
            default = f"`{default}`" if default else "required" if is_required else ""
            lines.append(f"| `{key}` | {_type(value)} | {default} | {_note(notes, table, key)} |")
    return page("docs/keys.toml", "\n".join(lines))


def _note(notes: dict[str, Any], table: str, key: str) -> str:
    try:
        return notes[table][key]
    except KeyError:
        raise SystemExit(f"docs/keys.toml says nothing about [{table}] {key}") from None


def _type(value: dict[str, Any]) -> str:
    if "enum" in value:
        return " or ".join(f"`{each}`" for each in value["enum"])
    match value.get("type"):
        case "array":
            return f"list of {_type(value['items'])}"
        case "object":
            return "table"
        case "string":
            return "text"
    return str(value.get("type"))


def cli_page() -> str:
    """kit.py, desktop-django and the options of the checks."""
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)
    lines = ["# Command line", "", f"    {command.name} COMMAND …", "", CLI_INTRODUCTION]
    for name, each in command.commands.items():
        if not each.help:
            raise SystemExit(f"desktop-django {name} has no help")
        usage = " ".join(["desktop-django", name, *_usage(each)])
        lines += ["", f"## {name}", "", f"    {usage}", "", each.help.replace("\n\n", " ")]
        lines += _options(f"desktop-django {name}", each)
        if name == "check":
            lines += ["", "Options of the checks:", "", *_check_options()]
    lines += ["", "## kit.py", "", KIT_INTRODUCTION, "", *_kit_jobs()]
    return page("the command line's own help", "\n".join(lines))


CLI_INTRODUCTION = """\
`python3 kit.py COMMAND …` is the same, and installs what is missing first. `--json` puts one JSON
document on standard output; what people read goes to standard error. Nothing asks questions.
[Error and exit codes](errors.md) have a page of their own."""

KIT_INTRODUCTION = """\
With the standard library only: it makes `.venv`, installs what a job needs, then does the job."""


def _usage(command: TyperCommand) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            yield parameter.metavar or parameter.name.upper()
    if _options("", command):
        yield "[options]"


def _options(where: str, command: TyperCommand) -> list[str]:
    options = [p for p in command.params if isinstance(p, TyperOption) and "--help" not in p.opts]
    if not options:
        return []
    lines = ["", "| option | |", "| --- | --- |"]
    for option in options:
        name = "/".join([option.opts[-1], *option.secondary_opts[:1]])
        if not option.help:
            raise SystemExit(f"{where} {name} has no help")
        value = "" if option.is_flag else f" {option.metavar or 'TEXT'}"
        lines.append(f"| `{name}{value}` | {_cell(option.help)} |")
    return lines


def _check_options() -> list[str]:
    parser = _OptionReader()
    checks_plugin.pytest_addoption(parser)
    return ["| option | |", "| --- | --- |", *parser.rows]


class _OptionReader:
    """Stands in for pytest's parser and writes down what the plugin registers."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def getgroup(self, *_: str) -> _OptionReader:
        return self

    def addoption(self, name: str, **facts: Any) -> None:
        if not facts.get("help"):
            raise SystemExit(f"the checks' option {name} has no help")
        value = facts.get("metavar") or "|".join(facts.get("choices", ()))
        said = facts["help"].replace("%(default)s", str(facts.get("default")))
        self.rows.append(f"| `{_cell(f'{name} {value}'.strip())}` | {_cell(said)} |")


def _kit_jobs() -> list[str]:
    tree = ast.parse((KIT / "kit.py").read_text(encoding="utf-8"))
    [text] = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "HELP"
    ]
    return [f"    {line}".rstrip() for line in text.splitlines()]


def errors_page() -> str:
    """Every code a person can meet, with what it means and what helps."""
    lines = [ERRORS_INTRODUCTION.strip()]
    families: dict[str, list[tuple[str, str, str]]] = {}
    for code, text in ERRORS.items():
        families.setdefault(code[:7], []).append((code, text.meaning, text.remedy))
    families["DDK-CHK"] = check_errors()
    for family, entries in families.items():
        if family not in FAMILIES:
            raise SystemExit(f"tools/docs/generate.py has no title for the error codes {family}")
        lines += ["", f"## {family}: {FAMILIES[family]}", "", "| code | means | do |"]
        lines += ["| --- | --- | --- |"]
        for code, means, do in entries:
            lines.append(f"| `{code}` | {_cell(means)} | {_cell(do)} |")
    return page("skill_scripts/errors.py", "\n".join(lines))


ERRORS_INTRODUCTION = """
# Error and exit codes

An error says what happened, what it means and what to do. With `--json` the same is in
`error.code`, `error.message`, `error.meaning`, `error.remedy` and `error.details`.
[Troubleshooting](../troubleshooting.md) begins with the messages instead.

## Exit codes of desktop-django

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | `check`: criteria failed. `survey`: something is blocked or to be decided |
| 2 | the command line is wrong. `check`: there is nothing to judge |
| 3 | an error with a DDK code. `check`: a fault of the suite itself |
| 4 | a bug of the kit |

## DDK-RUN: the backend

The code of a `failed` event is `DDK-RUN-` and the exit code of the backend, which the
[specification](specification.md#exit-codes) lists. What helps is in the event's `hint`. A shell
tries another port after 11, says that the app is open already after 12, and shows the reason after
the others.
"""


def findings_page() -> str:
    """Every finding of a survey or a stage, by the most that it can ask for."""
    lines = [
        "# Findings",
        "",
        "What `survey`, `adapt` and `stage` say about a project. With `--json` a finding has `id`,",
        "`severity`, `what` (as seen in this project), `do` (what was done, or the option that",
        "decides it) and `place`. How an agent decides is in `SKILL.md`.",
    ]
    for severity in SEVERITIES:
        lines += ["", f"## {severity}", "", SEVERITY_MEANS[severity]]
        lines += ["", "| finding | means |", "| --- | --- |"]
        lines += [
            f"| `{name}` | {_cell(each.means)} |"
            for name, each in sorted(FINDINGS.items())
            if severity in each.severities
        ]
    return page("skill_scripts/findings/finding.py", "\n".join(lines))


def glossary_page() -> str:
    """One word for each thing: the terms of SPEC.md and the words of the kit."""
    words = tomllib.loads(current(DOCS / "glossary.toml"))["words"]
    terms = dict(re.findall(r"^\| ([a-z ]+) \| (.+) \|$", spec_section("Terms"), re.M))
    terms.pop("term")
    if twice := words.keys() & terms.keys():
        raise SystemExit(f"docs/glossary.toml repeats terms of SPEC.md: {', '.join(twice)}")
    lines = [
        "# Glossary",
        "",
        "One word for each thing, in the code, the messages, these pages and the tests. Words in",
        "bold are terms of the [specification](specification.md#terms).",
        "",
        "| word | meaning |",
        "| --- | --- |",
        *(
            f"| {f'**{word}**' if word in terms else word} | {meaning} |"
            for word, meaning in sorted((words | terms).items())
        ),
    ]
    return page("docs/glossary.toml or SPEC.md, section Terms", "\n".join(lines))


SEVERITY_MEANS = {
    "blocked": "`adapt` refuses until it is gone.",
    "decide": "A value that works was taken; somebody may know a better one.",
    "handled": "Taken care of; nothing to do.",
    "fine": "Nothing to do.",
}
DECISIONS = re.compile(
    r"(?<=\| finding \| question to answer \| decision \|\n\| --- \| --- \| --- \|\n)(?:\|.*\n)+"
)


def skill() -> str:
    """SKILL.md with its table of decisions as the registry of findings has it."""
    rows = []
    for name, each in FINDINGS.items():
        if each.question:
            names = [name, *(other for other, it in FINDINGS.items() if it.like == name)]
            shown = ", ".join(f"`{one}`" for one in names)
            rows.append(f"| {shown} | {each.question} | {each.decision} |\n")
        elif DECIDE in each.severities and not each.like:
            raise SystemExit(f"skill_scripts/findings/finding.py has no question for {name}")
    text, count = DECISIONS.subn(lambda _: "".join(rows), current(KIT / "SKILL.md"))
    if count != 1:
        raise SystemExit("SKILL.md has no table of decisions")
    return text


FAMILIES = {
    "DDK-SUR": "reading a project",
    "DDK-ENV": "interpreters and environments",
    "DDK-ADP": "changing a project",
    "DDK-STA": "starting an adapted project",
    "DDK-STG": "staging",
    "DDK-OFF": "files of other hosts",
    "DDK-PKG": "packaging",
    "DDK-ICO": "drawing icons",
    "DDK-IMP": "bringing data in",
    "DDK-DAT": "development data in one file",
    "DDK-LOK": "looking at pages",
    "DDK-UPD": "updating the desktop layer",
    "DDK-KIT": "the kit itself",
    "DDK-CHK": "starting the checks",
}


def check_errors() -> list[tuple[str, str, str]]:
    """The usage errors of the suite, read from where they are raised."""
    found: dict[int, tuple[str, str, str]] = {}
    for file in sorted((KIT / "checks").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "TargetError":
                continue
            match node.args:
                case [ast.Constant(int(code)), _, means, do]:
                    said = (f"DDK-CHK-{code:02}", _literal(means), _literal(do))
                    before = found.get(code, said)
                    found[code] = tuple(
                        old if new in old else f"{old} Or: {new}"
                        for old, new in zip(before, said, strict=True)
                    )
    return [found[code] for code in sorted(found)]


def _literal(node: ast.expr) -> str:
    """The text of a string, with the names of what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value)
            if isinstance(part, ast.Constant)
            else ast.unparse(part.value).rpartition(".")[2].upper()
            for part in node.values
        )
    return str(ast.literal_eval(node))


def _cell(text: str) -> str:
    """Text inside a table; braces of a template show the field's name in capitals."""
    text = re.sub(r"\{(\w+)\}", lambda m: m[1].upper(), " ".join(text.split()))
    return text.replace("|", "\\|")


# --- for language models --------------------------------------------------------------------------


@dataclass(frozen=True)
class SitePage:
    """A page of the site, in the order of the navigation."""

    section: str
    title: str
    path: str
    text: str

    @property
    def summary(self) -> str:
        """The first sentence of the page."""
        body = re.sub(r"<!--.*?-->|^---\n.*?\n---\n", "", self.text, flags=re.S)
        for paragraph in re.split(r"\n\s*\n", body.strip()):
            plain = " ".join(paragraph.split())
            if plain and not paragraph.startswith(("#", "|", "<", "!", "```", "-", "    ")):
                plain = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", plain)
                return re.split(r"(?<=\.)\s", plain)[0].rstrip(":.")
        return ""


def pages_of_site(written: dict[Path, str]) -> list[SitePage]:
    """The pages that mkdocs.yml lists."""

    class Loader(yaml.SafeLoader):
        """Reads the navigation and does not mind Python names elsewhere in the file."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    navigation = yaml.load(current(KIT / "mkdocs.yml"), Loader)["nav"]
    found = []
    for entry in navigation:
        [(section, content)] = entry.items()
        pages = [{section: content}] if isinstance(content, str) else content
        for each in pages:
            [(title, path)] = each.items()
            text = written.get(DOCS / path) or current(DOCS / path)
            label = "Start" if isinstance(content, str) else section
            found.append(SitePage(label, title, path, text))
    return found


def llms(pages: list[SitePage]) -> str:
    """The index for language models (https://llmstxt.org)."""
    lines = [
        "# desktop-django-kit",
        "",
        "> Turns an existing Django project into an installable, local-first desktop app "
        "(Electron, bundled Python, SQLite) by adding one folder, and proves it by numbered "
        "criteria.",
        "",
        "Working in somebody's Django repository: follow SKILL.md. Commands print JSON with",
        "`--json`, ask nothing and have documented exit codes. Working on the kit: AGENTS.md.",
        "",
        "## Entry points",
        "",
        "- [SKILL.md](SKILL.md): the workflow for an agent that adapts a project",
        "- [SPEC.md](SPEC.md): what an adapted project has to do, numbered",
        "- [AGENTS.md](AGENTS.md): the rules for changing the kit",
        "- `site/llms-full.txt`: all pages below in one file, made by `python3 kit.py docs`",
    ]
    for section in dict.fromkeys(each.section for each in pages):
        lines += ["", f"## {section}", ""]
        for each in pages:
            if each.section == section:
                lines.append(f"- [{each.title}](docs/{each.path}): {each.summary}")
    return "\n".join(lines) + "\n"


def llms_full() -> str:
    """All pages in one file, as they are on the disk; tools/docs/hooks.py puts it into the site."""
    pages = pages_of_site({})
    parts = [f"<!-- docs/{each.path} -->\n\n{_without_notes(each.text)}" for each in pages]
    return "# desktop-django-kit, all pages\n\n" + "\n\n".join(parts) + "\n"


def _without_notes(text: str) -> str:
    return re.sub(r"<!--.*?-->\n*", "", text, flags=re.S).strip()


def page(source: str, text: str) -> str:
    """A page with a note on where it comes from, ending in one line break."""
    lines = (line.rstrip() for line in f"{NOTE.format(source=source)}\n\n{text}".splitlines())
    return "\n".join(lines).strip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
