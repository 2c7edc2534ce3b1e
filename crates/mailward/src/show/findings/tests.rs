//! What a reader sees, colours taken out.

use super::*;
use mail::Span;

fn plain(styled: &str) -> String {
    let plain = anstream::adapter::strip_str(styled).to_string();
    plain.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A finding about the first place where `part` stands in `text`.
fn about(text: &str, part: &str, code: &'static str, severity: Severity, message: &str) -> Finding {
    let start = text.find(part).unwrap();
    Finding::new(code, severity, Span::new(start, start + part.len()), message)
}

fn check(text: &str, found: &[Finding], width: usize, want: &str) {
    assert_eq!(plain(&findings("argument", text.as_bytes(), found, width)), want.trim_start_matches('\n'));
}

const PASTED: &str = "example.com IN TXT “v=spf1 +mx –all”";

fn pasted() -> [Finding; 3] {
    [
        about(PASTED, "“", "curly-quote", Severity::Warning, "curly quotes").with_help("write \""),
        about(PASTED, "–", "en-dash", Severity::Error, "an en dash").with_help("`-all` was meant"),
        about(PASTED, "”", "curly-quote", Severity::Warning, "curly quotes").with_help("write \""),
    ]
}

#[test]
fn one_code_is_one_block_with_all_its_places() {
    check(
        PASTED,
        &pasted(),
        100,
        r#"
warning[curly-quote]: curly quotes
 --> argument:1:20
  |
1 | example.com IN TXT “v=spf1 +mx –all”
  |                    ^               ^
  |
  = help: write "

error[en-dash]: an en dash
 --> argument:1:34
  |
1 | example.com IN TXT “v=spf1 +mx –all”
  |                                ^
  |
  = help: `-all` was meant
"#,
    );
}

#[test]
fn a_narrow_terminal_gets_a_piece_of_the_line_and_the_true_place() {
    let [_, dash, _] = pasted();
    let want = "
error[en-dash]: an en dash
 --> argument:1:34
  |
1 | ...com IN TXT “v=spf1 +mx –all”
  |                           ^
  |
  = help: `-all` was meant
";
    check(PASTED, &[dash], 42, want);
}

#[test]
fn places_too_far_apart_are_blocks_of_their_own() {
    let text = format!("a{}b", ".".repeat(200));
    let found = [
        about(&text, "a", "x", Severity::Note, "this is a"),
        about(&text, "b", "x", Severity::Note, "this is b"),
    ];
    let want = format!(
        "
note[x]: this is a
 --> argument:1:1
  |
1 | a{}...
  | ^

note[x]: this is b
 --> argument:1:202
  |
1 | ...{}b
  |    {}^
",
        ".".repeat(45),
        ".".repeat(45),
        " ".repeat(45),
    );
    check(&text, &found, 60, &want);
}

#[test]
fn a_folded_field_is_shown_in_its_lines() {
    let text = "a b;\r\n\tc=d; e\r\n";
    let found = [
        about(text, "c=d", "x", Severity::Error, "no such tag"),
        about(text, "e", "x", Severity::Error, "no such thing"),
    ];
    let want = "
error[x]: no such tag
 --> argument:2:2
  |
2 |  c=d; e
  |  ^^^  ^ no such thing
";
    check(text, &found, 100, want);
}

#[test]
fn web_05_bytes_of_strangers_are_escaped_everywhere() {
    let found =
        [Finding::new("x", Severity::Error, Span::new(1, 2), "message \x1b[2J").with_help("help \u{202e}")];
    let got = findings("TXT \x07", b"a\x1b]0;\x00z\xff", &found, 100);
    let want = r"
error[x]: message \x1b[2J
 --> TXT \x07:1:2
  |
1 | a\x1b]0;\x00z\xff
  |  ^^^^
  |
  = help: help \xe2\x80\xae
";
    assert_eq!(plain(&got), want.trim_start());
    assert!(!got.contains("\x1b[2J") && !got.contains('\x07'));
}

#[test]
fn at_the_end_beyond_it_and_in_nothing() {
    let mark = |start, end| [Finding::new("x", Severity::Note, Span::new(start, end), "here")];
    let frame = |place: &str, line: &str, mark: &str| {
        format!("note[x]: here\n --> argument:{place}\n  |\n1 |{line}\n  | {mark}\n")
    };
    check("ab", &mark(2, 2), 100, &frame("1:3", " ab", "  ^"));
    check("ab", &mark(50, 90), 100, &frame("1:3", " ab", "  ^"));
    check("", &mark(0, 0), 100, &frame("1:1", "", "^"));
    check("ab", &[], 100, "");
}

#[test]
fn dos_at_most_fifty_are_shown() {
    let found = |n| vec![Finding::new("x", Severity::Note, Span::new(0, 1), "here"); n];
    let shown = |n| plain(&findings("argument", b"a", &found(n), 100));
    assert!(!shown(MAX_SHOWN).contains("more"));
    assert!(shown(MAX_SHOWN + 1).ends_with("\n\nand 1 more\n"), "{}", shown(MAX_SHOWN + 1));
}

#[test]
fn a_quote_underlines_what_matters_unless_that_is_all() {
    let part =
        Quote { source: "TXT example.com".to_owned(), text: b"v=spf1 -all".to_vec(), span: Span::new(7, 11) };
    let want = " --> TXT example.com:1:8\n  |\n1 | v=spf1 -all\n  |        ^^^^\n";
    assert_eq!(plain(&quote(&part, 100)), want);
    let whole = Quote::whole("TXT example.com", "v=spf1 -all");
    assert_eq!(plain(&quote(&whole, 100)), " --> TXT example.com\n  |\n1 | v=spf1 -all\n  |\n");
}
