//! The tree of a domain's record.

use dns::Name;
use spf::{Limits, MAX_RECORDS, Node, NodeFound, Target, Tree, tree};

use crate::world::{World, world};

fn of(w: &World, domain: &str) -> Tree {
    pollster::block_on(tree(w, &Name::from_dotted(domain).unwrap(), &Limits::default()))
}

/// The tree as lines, each term with its cost.
fn lines(node: &Node, depth: usize, out: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let NodeFound::Record(record, branches) = &node.found else {
        let what = format!("{:?}", node.found);
        out.push(format!("{indent}{}: {}", node.domain, what.split('(').next().unwrap()));
        return;
    };
    let errors = if record.record.is_err() { " (error)" } else { "" };
    out.push(format!("{indent}{}{errors}", node.domain));
    for branch in branches {
        let note = match &branch.target {
            Target::None | Target::Record(_) => "",
            Target::Unknown => " ?",
            Target::Missing(_) => " missing",
            Target::Ignored => " ignored",
        };
        out.push(format!("{indent}  {} {}{note}", branch.lookups, branch.term));
        if let Target::Record(node) = &branch.target {
            lines(node, depth + 2, out);
        }
    }
}

fn check(zone: &str, want: &[&str], lookups: u32, has_unknown: bool) {
    let tree = of(&world(zone), "a.example");
    let mut got = Vec::new();
    lines(&tree.root, 0, &mut got);
    assert_eq!(got, want);
    assert_eq!((tree.lookups, tree.has_unknown), (lookups, has_unknown));
}

#[test]
fn costs() {
    check(
        r#"
        a.example. TXT "v=spf1 mx include:b.example ip4:192.0.2.1 include:nx.example include:%{d2}.c.example exp=x.example redirect=d.example"
        b.example. TXT "v=spf1 a exists:%{p}.example -all mx redirect=a.example"
        a.example.c.example. TXT "v=spf1 bogus"
        "#,
        &[
            "a.example",
            "  1 mx",
            "  4 include:b.example",
            "    b.example",
            "      1 a",
            "      2 exists:%{p}.example",
            "      0 -all",
            "      0 mx ignored",
            "      0 redirect=a.example ignored",
            "  0 ip4:192.0.2.1",
            "  1 include:nx.example",
            "    nx.example: Absent",
            "  1 include:%{d2}.c.example",
            "    a.example.c.example (error)",
            "  0 exp=x.example",
            "  1 redirect=d.example",
            "    d.example: Absent",
        ],
        8,
        false,
    );
}

#[test]
fn what_only_a_message_tells() {
    check(
        "a.example. TXT \"v=spf1 include:%{i}.example include:b.example include:%{d1} -all\"\n;! timeout b.example.",
        &[
            "a.example",
            "  1 include:%{i}.example ?",
            "  1 include:b.example",
            "    b.example: Failed",
            "  1 include:%{d1} missing",
            "  0 -all",
        ],
        3,
        true,
    );
}

#[test]
fn spf_04_loops_are_cut() {
    check(
        "a.example. TXT \"v=spf1 include:b.example -all\"\nb.example. TXT \"v=spf1 redirect=A.example.\"",
        &[
            "a.example",
            "  2 include:b.example",
            "    b.example",
            "      1 redirect=A.example.",
            "        a.example: Loop",
            "  0 -all",
        ],
        2,
        true,
    );
}

#[test]
fn at_most_fifty_records() {
    let record = |i: usize| {
        format!("c{i}.example. TXT \"v=spf1 include:c{}.example include:c{}.example -all\"\n", i + 1, i + 2)
    };
    let chain = |n: usize| {
        let w = world(&(0..n).map(record).collect::<String>());
        (of(&w, "c0.example"), w.asked().len())
    };
    let (tree, asked) = chain(100);
    assert_eq!((tree.records, asked, tree.has_unknown), (MAX_RECORDS, MAX_RECORDS, true));
    let (tree, asked) = chain(3);
    assert_eq!((tree.records, asked, tree.has_unknown), (9, 9, false));
    assert_eq!(tree.lookups, 8);
}
