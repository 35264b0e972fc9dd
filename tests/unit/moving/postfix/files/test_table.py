"""Lookup tables by their text."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.moving.postfix.files.table import Files, Row, TableError, rows_of


def _rows(tmp_path: Path, spec: str, text: str = "") -> list[Row]:
    (tmp_path / "t").write_text(text, "utf-8")
    return rows_of(spec, Files(tmp_path), "main.cf:9")


@pytest.mark.parametrize("kind", ["hash", "texthash", "lmdb", "btree", "proxy:hash"])
def test_a_postmap_source_is_read(tmp_path: Path, kind: str) -> None:
    """Keys are folded to lower case as postmap does, values keep their case, a line may go on."""
    rows = _rows(
        tmp_path, f"{kind}:/etc/postfix/t", '# x\nA@B.test  C@D.test,\n  E@F.test\n"two words" three\n'
    )

    assert [Row("a@b.test", "C@D.test, E@F.test", "t:2"), ("two words", "three")] == [
        Row(rows[0].key, rows[0].value, rows[0].where),
        (rows[1].key, rows[1].value),
    ]


def test_patterns_keep_their_flags(tmp_path: Path) -> None:
    """Any sign may enclose an expression; what is none is a row without a value, to be told."""
    rows = _rows(
        tmp_path, "pcre:/etc/postfix/t", "/^From:\\/x/i REPLACE From: a\n!%y% OK\nif /x/\nnonsense\n"
    )

    assert [("/^From:\\/x/i", "REPLACE From: a"), ("!/y/", "OK"), ("if /x/", ""), ("nonsense", "")] == [
        (row.key, row.value) for row in rows
    ]
    assert all(row.is_pattern for row in rows)


def test_inline_and_static_stand_in_the_line_itself(tmp_path: Path) -> None:
    """Their place is that of the parameter, never their text: it may hold a password."""
    inline = _rows(tmp_path, "inline:{ a=b, { c = d e } }")
    static = _rows(tmp_path, "static:user:secret")

    assert [("a", "b", "main.cf:9"), ("c", "d e", "main.cf:9")] == [(r.key, r.value, r.where) for r in inline]
    assert [("*", "user:secret", "main.cf:9")] == [(r.key, r.value, r.where) for r in static]


@pytest.mark.parametrize(
    "spec", ["ldap:/x", "mysql:/x", "wonder:/x", "hash:/etc/postfix/none", "inline:{ a=b", "inline:{ ab }"]
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, spec: str) -> None:
    """Services are not asked, missing files are named with where they are wanted, broken ones are refused."""
    with pytest.raises(TableError) as error:
        _rows(tmp_path, spec)

    assert str(error.value)


def test_a_copied_folder_keeps_its_own_files(tmp_path: Path) -> None:
    """/etc/postfix/x is x in the folder; a relative name too; another absolute path stays what it is."""
    files = Files(tmp_path)

    assert tmp_path / "maps/x" == files.find("/etc/postfix/maps/x")
    assert tmp_path / "x" == files.find("x")
    assert Path("/srv/x") == files.find("/srv/x")


def test_a_cidr_table_with_conditions_is_refused(tmp_path: Path) -> None:
    """Without its conditions its rows would mean something else."""
    with pytest.raises(TableError, match="if and endif"):
        _rows(tmp_path, "cidr:/etc/postfix/t", "if 10.0.0.0/8\n10.1.0.0/16 OK\nendif\n")
