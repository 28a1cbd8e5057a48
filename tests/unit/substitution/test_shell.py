"""Whatever a value holds, a real shell gets exactly that, as one word, and runs nothing of it."""

import shutil
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_controller.substitution.references import CannotPlace
from tocsin_controller.substitution.shell import fill_shell

SHELLS = [shell for shell in ("/bin/sh", shutil.which("bash"), shutil.which("dash")) if shell]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
#: Texts that mean something to shells, put together at random.
NASTY = st.lists(
    st.sampled_from(
        ["'", '"', "\\", "$", "`", "\n", " ", "$(id)", "`id`", "${x}", "EOF", "E", "OF", "{{A}}", "{{B}}", "#", ";",
         "&", "|", "<<EOF", "*", "~", "!", "(", ")", "\t", "-", "a", "é", "\U0001f600", "$((1))", "a[$(id)]", "\r"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
VALUE = TEXT | NASTY
#: Prints its arguments, each between brackets.
SHOW = 'show() { for one in "$@"; do printf \'[%s]\' "$one"; done; }\n'


def run(script: str, shell: str = "/bin/sh") -> str:
    done = subprocess.run([shell, "-c", SHOW + script], capture_output=True, check=False, timeout=30)
    assert done.stderr == b"", (script, done.stderr)
    assert done.returncode == 0, script
    return done.stdout.decode("utf-8", "surrogateescape")


def value_of(**values: str) -> Callable[[str], str]:
    return values.__getitem__


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("show {{A}}", "[A]"),
        ("show x{{A}}y{{B}}", "[xAyB]"),
        ('show "{{A}}" "a {{A}} b{{B}}"', "[A][a A bB]"),
        ("show '{{A}}' 'a {{A}}b'", "[A][a Ab]"),
        ('show "$(show "{{A}}" {{B}})"', "[[A][B]]"),
        ("x={{A}}; show \"$x\"", "[A]"),
        ("# it's {{A}} here\nshow {{A}} # and {{B}} \"there", "[A]"),
        ("show $(: ')' # )\n) {{A}} ", "[A]"),
        ("case {{A}} in *) show {{A}};; esac", "[A]"),
        ("show \"${HOME:+x}\" ${none:-y} {{A}}", "[x][y][A]"),
        ("show $((1 + (2 * 3))) {{A}}", "[7][A]"),
        ("show `echo '\\`' \\\\` {{A}}", "[`][\\][A]"),
        ("show a\\\n b\\'c {{A}}", "[a][b'c][A]"),
        ("show \"\\\\{{A}}\" \\\\{{A}}", "[\\A][\\A]"),
        ("show a#b {{A}} $# {{B}}", "[a#b][A][0][B]"),
        ("show {{{{A}} {{ A }} {{A-B}}", "[{{A}}][{{][A][}}][{{A-B}}]"),
        ("eval x=1; show {{A}}", "[A]"),
        ("(show {{A}}); { show \"{{B}}\"; }", "[A][B]"),
        ("if [ \"{{A}}\" = '{{A}}' ]; then show same; fi", "[same]"),
    ],
)  # fmt: skip
@settings(max_examples=12, deadline=None)
@given(a=VALUE, b=VALUE)
def test_a_word_is_the_value_whatever_it_holds(template: str, shown: str, a: str, b: str) -> None:
    script = fill_shell(template, value_of(A=a, B=b))
    literal = "{{A}}" in shown
    expected = shown if literal else shown.replace("A", "\0").replace("B", b).replace("\0", a)
    if "$(show" in template:
        expected = f"[{expected[1:-1].rstrip(chr(10))}]"
    for shell in SHELLS:
        assert run(script, shell) == expected, script


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=30, deadline=None)
@given(a=VALUE, b=VALUE)
def test_here_documents_hold_the_value_or_refuse_it(shell: str, a: str, b: str) -> None:
    for template, expected in (
        ("cat <<EOF\nx {{A}} \\$y $((1+1)) {{B}}\nEOF\nshow {{A}}", f"x {a} $y 2 {b}\n[{a}]"),
        ("cat <<'EOF' | cat\nE{{A}} $y{{B}}\nEOF\nshow {{A}}", f"E{a} $y{b}\n[{a}]"),
        ("cat <<-EOF\n\tx{{A}}\n\tEOF\nshow {{A}}", f"x{a}\n[{a}]"),
        ("x=$(cat <<EOF\n{{A}}.\nEOF\n); show \"$x\"", f"[{a}.]"),
        ("cat <<A; cat <<\\B\n{{A}}\nA\n{{B}}\nB\nshow {{A}}", f"{a}\n{b}\n[{a}]"),
    ):  # fmt: skip
        try:
            script = fill_shell(template, value_of(A=a, B=b))
        except CannotPlace:
            # Only what could be taken for the end of a document, or what `<<-` or dash would change.
            assert not (a + b).isascii() or {"\n", "\t"} & {*a, *b} or a == "A" or b == "B"
            continue
        assert run(script, shell) == expected, script


@pytest.mark.parametrize("value", ["0", "-7", "42", "007"])
def test_arithmetic_takes_whole_numbers(value: str) -> None:
    script = fill_shell('show $((1 - {{A}} * 2)) "$(({{A}}))"', value_of(A=value))
    for shell in SHELLS:
        assert run(script, shell) == f"[{1 - int(value) * 2}][{int(value)}]"


@pytest.mark.parametrize("value", ["a[$(id)]", "1.5", "", "1 + 1", "x", "1\n", "٣"])
def test_arithmetic_takes_nothing_else(value: str) -> None:
    with pytest.raises(CannotPlace, match="whole number"):
        fill_shell("echo $(({{A}}))", value_of(A=value))


@pytest.mark.parametrize(
    "template",
    [
        "echo `echo {{A}}`",
        'echo "`echo {{A}}`"',
        "echo ${x:-{{A}}}",
        'echo "${x:-{{A}}}"',
        "echo ${{A}}",
        'echo "${{A}}"',
        "echo \\{{A}}",
        'echo "\\{{A}}"',
        "echo $'{{A}}'",
        "echo $'it\\'s' '{{A}}'",
        'echo "$(case x in a) echo "{{A}}";; esac)"',
        "(( {{A}} ))",
        "((x = 1)); echo {{A}}",
        "[[ {{A}} -eq 1 ]]",
        '[[ "{{A}}" -eq 1 ]]',
        "a[{{A}}]=1",
        'a["{{A}}"]=1',
        "a=([{{A}}]=1)",
        "a=(b {{A}})",
        "echo x >&{{A}}",
        "echo x 2>& 1{{A}}",
        'cat <&"{{A}}"',
        "echo $[{{A}}]",
        "let {{A}}",
        'eval "x={{A}}"',
        "echo $((x{{A}}))",
        "echo $(( a[{{A}}] ))",
        'cat <<E"O"F\n{{A}}\nEOF',
        "cat <<EOF\n\\{{A}}\nEOF",
        "cat <<EOF\n$(cat 'EOF\n') {{A}}\nEOF",
        "cat <<EOF\n`id` {{A}}\nEOF",
        "cat <<EOF\n${x:-'} {{A}}\nEOF",
        "cat <<EOF\n{{A}}",
        "cat <<EOF\r\n{{A}}\nEOF\n",
        "cat <<EOF 'a\nb'\n{{A}}\nEOF",
        "x=$(cat <<EOF\nhi\nEOF)\necho {{A}}",
        "echo $\\\n(echo {{A}})",
        "cat <<{{A}}\nx\n",
    ],
)
def test_where_it_is_not_certain_how_a_shell_reads_it_nothing_is_put_in(template: str) -> None:
    with pytest.raises(CannotPlace, match=r"^\{\{A\}\} "):
        fill_shell(template, value_of(A="0"))


@pytest.mark.parametrize("line", ["E\u00e9", "EO\u00e9", "EOF\u00e9"])
def test_a_line_that_dash_would_change_is_refused(line: str) -> None:
    with pytest.raises(CannotPlace, match="like the end"):
        fill_shell("cat <<'EOF'\n{{A}}\nEOF\n", value_of(A=line))


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(CannotPlace, match="NUL"):
        fill_shell("echo {{A}}", value_of(A="a\0b"))


def test_what_is_uncertain_only_matters_to_what_comes_after_it() -> None:
    assert fill_shell("echo {{A}}; echo ${x:-'y'}", value_of(A="v")) == "echo 'v'; echo ${x:-'y'}"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(
    ["'", '"', "\\", "$", "`", "\n", " ", "(", ")", "{{A}}", "<<EOF", "EOF", "#", "x", "${", "}", "$((", "))", "case",
     "[[", "]]", ";", "{{{{A}}", "<<-", "a["]), max_size=14).map("".join))  # fmt: skip
def test_no_script_whatever_lets_a_value_run(template: str) -> None:
    """The value would make a file's name appear in the output, if any shell ran it in any way."""
    try:
        script = fill_shell(template, value_of(A="'\"\n$(echo pwned)`echo pwned`\nEOF\necho pwned;\\"))
    except CannotPlace:
        return
    if "{{A}}" not in template.replace("{{{{A}}", ""):
        return
    for shell in SHELLS:
        done = subprocess.run(
            [shell, "-c", script], capture_output=True, check=False, timeout=30, stdin=subprocess.DEVNULL
        )
        assert b"\npwned" not in b"\n" + done.stdout, (shell, script)
