# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""What hostile lines may cost: two seconds and little memory, whatever they ask for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mead.shell import Limit, Shell, ShellLimits, default_personas
from mead.shell.limits import Budget, LimitReachedError


def test_a_budget_is_spent_and_refilled() -> None:
    budget = Budget(10)
    budget.charge(10)
    with pytest.raises(LimitReachedError) as caught:
        budget.charge()
    assert (caught.value.name, caught.value.value, caught.value.unit) == ("steps_per_line", 10, "steps")
    budget.refill()
    budget.charge_bytes(1024)
    assert budget.left == 5


@pytest.mark.parametrize(
    ("limits", "line", "name"),
    [
        (ShellLimits(output_bytes=10), b"echo 0123456789abc", "output_bytes"),
        (ShellLimits(script_bytes=10), b"echo 0123456789abc", "script_bytes"),
        (ShellLimits(file_bytes=10), b"echo 0123456789abc > /tmp/f", "file_bytes"),
        (ShellLimits(effects_per_line=2), b"echo; echo; echo; echo", "effects_per_line"),
        (ShellLimits(offers=1), b"wget http://a/b; wget http://c/d", "offers"),
    ],
)
def test_reaching_a_bound_is_told(shell: Shell, limits: ShellLimits, line: bytes, name: str) -> None:
    bounded = Shell(default_personas()[0], now=shell.machine.now, limits=limits)
    effects = bounded.run(line).effects
    assert [effect.name for effect in effects if isinstance(effect, Limit)] == [name]


def test_what_is_typed_without_end_is_cut(shell: Shell) -> None:
    bounded = Shell(
        default_personas()[0], now=shell.machine.now, limits=ShellLimits(file_bytes=100), interactive=False
    )
    bounded.run(b"cat > /tmp/f")
    bounded.feed(b"x" * 90)
    reply = bounded.feed(b"x" * 90)
    assert [effect.name for effect in reply.effects if isinstance(effect, Limit)] == ["file_bytes"]
    assert not bounded.reading


HOSTILE = {
    "loop": "while :; do :; done",
    "loop2": "while true; do x=$((x+1)); done",
    "until": "until false; do echo; done",
    "for-in-huge": "for i in $(seq 1 20000); do for j in $(seq 1 20000); do :; done; done",
    "yes": "yes | head -c 100000000 | wc",
    "yes2": "yes > /dev/null",
    "yes3": "yes",
    "yes4": "yes $(seq 10000) > /tmp/x",
    "fork": ":(){ :|:& };:",
    "fork2": "f(){ f|f& }; f",
    "fork3": "d(){ d|d & };d 2>/dev/null",
    "rec": "f(){ f; }; f",
    "rec2": "f(){ $(f); }; f",
    "rec3": "f(){ (f); }; f",
    "rec4": "f() { eval f; }; f",
    "double": "x=a; while :; do x=$x$x; done",
    "double2": "x=aaaaaaaa; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2; do x=$x$x$x; done; echo ${#x}",
    "double3": "echo a > f; while :; do cat f f > g; cat g g > f; done",
    "alias": "alias a='b b b b'; alias b='c c c c'; alias c='d d d d'\na",
    "alias2": "alias a='a a'\na",
    "sed-re": "printf '%05000d' 0 | sed 's/\\(0*\\)*\\(0*\\)*x/y/'",
    "grep-re": "printf '%05000d' 0 | grep -E '(0+)+x'",
    "grep-re2": "printf '%05000d' 0 | grep -E '(0|0)*(0|0)*x'",
    "grep-back": "printf '%05000d' 0 | grep '\\(0*\\)*\\1x'",
    "awk-re": "awk 'BEGIN{s=sprintf(\"%05000d\",0); while(1) if (s ~ /(0*)*x/) break}'",
    "awk-loop": "awk 'BEGIN{while(1)i++}'",
    "awk-str": "awk 'BEGIN{s=\"a\"; while(1)s=s s}'",
    "awk-arr": "awk 'BEGIN{while(1)a[i++]=i}'",
    "awk-rec": "awk 'function f(x){return f(x)} BEGIN{f(1)}'",
    "awk-getline": "awk 'BEGIN{while((\"yes\"|getline l)>0) n++}'",
    "awk-printf": "awk 'BEGIN{printf \"%999999999d\",1}'",
    "awk-deep": "awk 'BEGIN{print " + "(" * 5000 + "1" + ")" * 5000 + "}'",
    "printf": "printf %999999999d 1",
    "printf2": "printf '%*d' 99999999 1",
    "printf3": "printf '%065000d' $(seq 20000)",
    "printf4": "printf '%s\\n' {1..99999999}",
    "dd": "dd if=/dev/zero of=/tmp/x bs=2G count=2",
    "dd2": "dd if=/dev/zero bs=1G seek=5 of=/tmp/x count=1",
    "dd3": "dd if=/dev/zero of=/tmp/x",
    "dd4": "dd if=/dev/urandom of=/dev/sda &",
    "dd5": "dd if=/dev/zero bs=1M count=999999 | md5sum",
    "seq": "seq 1000000000",
    "seq2": "seq 1 0.000001 99999",
    "seq3": "seq 1000000000 | wc -l",
    "head": "head -c 999999999999 /dev/zero > /tmp/x",
    "head2": "head -c 1000000000 /dev/urandom | md5sum",
    "bigline": "echo " + "a" * 1000000,
    "bigquote": "echo '" + "a" * 1000000 + "'",
    "bigvars": "echo " + "$x" * 300000,
    "bigsemi": ";".join(["true"] * 200000),
    "biglines": "\n".join(["true"] * 200000),
    "bigparen": "(" * 100000,
    "bigparen2": "(" * 30 + "echo" + ")" * 30,
    "bigsub": "echo " + "$(" * 50000,
    "bigbt": "echo " + "`" * 99999,
    "bigbrace": "echo " + "${x:-" * 50000,
    "bigarith": "echo $((" + "(" * 50000 + "1" + ")" * 50000 + "))",
    "bigarith2": "echo $((" + "1+" * 300000 + "1))",
    "bigif": "if " * 100000,
    "bigcase": "case x in " + "a|" * 300000 + "b) ;; esac",
    "bigpipe": "|".join(["cat"] * 100000),
    "bigand": "&&".join(["true"] * 200000),
    "bigredir": "echo " + "> /tmp/x " * 100000,
    "bigheredoc": "cat " + "<<E " * 50000,
    "bigheredoc2": "cat <<E\n" + "$(echo a)\n" * 100000 + "E",
    "bigassign": "a=1 " * 200000,
    "bigesc": "echo " + "\\a" * 400000,
    "bignest": "sh -c " * 5000 + "true",
    "bigdollar": "echo " + "$" * 900000,
    "bigglob": "echo " + "*" * 100000,
    "biglbr": "echo " + "[a-" * 100000,
    "glob": "cd /; echo */*/*/*/*/*/*/*/*",
    "glob2": "cd /tmp; for i in $(seq 3000); do > f$i; done; echo *f*f*f*f*f*f*f*x",
    "glob3": "echo /*/../*/../*/../*/../*/../*",
    "brace": "echo {1..99999}{1..99999}",
    "brace2": "echo " + "{a,b}" * 100,
    "pat": "x=$(printf '%05000d' 0); echo ${x##*0*0*0*0*0*x}; echo ${x//0*0*0*x/y}; echo ${x%%*0*0*0x}",
    "case": "x=$(printf '%050000d' 0); case $x in *0*0*0*0*0*0*0*0*0*1) ;; esac",
    "subst": "x=$(printf '%0900000d' 0); echo ${x//0/aaaa}",
    "substr": "x=$(printf '%0900000d' 0); while :; do y=${x:1}; done",
    "find": "find / -exec find / \\;",
    "find2": "find / -exec sh -c 'find / -exec echo {} +' \\;",
    "xargs": "seq 20000 | xargs -n 1 sh -c true",
    "xargs2": "yes | xargs echo",
    "grepr": "grep -r . /",
    "catdev": "cat /dev/zero > /tmp/x",
    "catdev2": "cat /dev/urandom",
    "cats": "cat /bin/* > /tmp/a; cat /tmp/a /tmp/a /tmp/a /tmp/a /tmp/a /tmp/a > /tmp/b; cat /tmp/b /tmp/b > /tmp/c",
    "sort": "seq 200000 | sort -k1,1n -k2 | uniq -c | sort -rn",
    "tac": "seq 300000 | tac | rev | nl | fold -w 1 | wc",
    "od": "head -c 3000000 /dev/zero | od -tx1 -v | wc",
    "xxd": "head -c 3000000 /dev/urandom | xxd | xxd -r | hexdump -C -v | wc",
    "tr": "head -c 4000000 /dev/zero | tr '\\0' a | sed 's/a/b/g' | wc",
    "base64": "head -c 4000000 /dev/zero | base64 | base64 -d | base64 | md5sum",
    "diff": "seq 1900 > a; seq 1900 | tac > b; diff a b | wc",
    "gzipbomb": "head -c 30000000 /dev/zero | gzip > /tmp/z; zcat /tmp/z | wc -c",
    "tarbomb": "mkdir d; for i in $(seq 900); do > d/$i; done; tar cf x.tar d; tar xf x.tar",
    "touch": "for i in $(seq 9000); do > f$i; done",
    "mkdirp": "mkdir -p " + "a/" * 2000,
    "lnloop": "ln -s a b; ln -s b a; cat a",
    "cpr": "cp -r / /tmp/x",
    "rmr": "rm -rf /*; ls",
    "expr": "expr " + "1 + " * 5000 + "1",
    "exprre": "expr $(printf '%05000d' 0) : '\\(0*\\)*\\(0*\\)*x'",
    "test": "[ " + "a = a -a " * 5000 + "a = a ]",
    "testp": "[ " + "\\( " * 5000 + "a " + "\\) " * 5000 + "]",
    "set": 'set -- $(seq 20000); while :; do shift; set -- "$@" $@; done',
    "trap": "trap 'kill -USR1 $$' USR1; kill -USR1 $$",
    "trap2": "trap 'exit' EXIT; trap 'trap' EXIT; exit",
    "export": "for i in $(seq 9000); do export x$i=$i; done; env | wc -l",
    "offers": "for i in $(seq 9000); do wget http://192.0.2.1/$i; done",
    "decode": "for i in $(seq 9000); do echo YWFhYWFhYWFh | base64 -d; done",
    "arithvar": "a=b+b; b=c+c; c=d+d; d=e+e; e=f+f; f=g+g; g=h+h; h=i+i; i=j+j; j=k+k; k=l+l; l=m+m; m=n+n; n=o+o; o=p+p; p=q+q; q=1; echo $((a))",
    "arithpow": "echo $((9**9999999999))",
    "sleep": "while :; do sleep 1; done",
    "read": "while read x; do :; done < /dev/zero",
    "read2": "while read -n 1 x; do :; done < /bin/busybox",
    "curly": "x='$x'; while :; do eval x=$x; done",
    "evalrec": "x='eval $x'; eval $x",
    "dot": "echo '. /tmp/s' > /tmp/s; . /tmp/s",
    "selfsh": "echo 'sh /tmp/s' > /tmp/s; sh /tmp/s",
    "selfsh2": "echo 'sh $0 & sh $0 & sh $0' > /tmp/s; sh /tmp/s",
    "heredocexp": "x=$(printf '%0900000d' 0)\ncat <<E\n" + "$x" * 200 + "\nE",
    "ifs": "IFS=0; x=$(printf '%0900000d' 0); set -- $x; echo $#",
    "getopts": "while getopts a x -a; do OPTIND=1; done",
    "kill": "while :; do sleep 99 & kill $!; done",
    "jobs": "for i in $(seq 3000); do sleep 9 & done; jobs",
    "strings": "strings -n 1 /bin/* | wc",
    "cmpl": "head -c 2000000 /dev/zero > a; head -c 2000000 /dev/urandom > b; cmp -l a b | wc",
    "sedloop": "echo a | sed ':a;s/a/aa/;ta'",
    "sedloop2": "echo a | sed ':a;ba'",
    "sedG": "seq 3000 | sed 'G;h'",
    "awkfield": "echo a | awk '{$9999999=1}'",
    "awkgsub": 'awk \'BEGIN{s=sprintf("%060000d",0); while(1) gsub(/0/,"00",s)}\'',
    "pyscan": "python3 -c '" + "http://a/" * 50000 + "'",
    "dates": "date +" + "%s" * 100000,
}
ENDLESS = frozenset(
    [
        "loop",
        "loop2",
        "until",
        "for-in-huge",
        "yes",
        "yes2",
        "yes3",
        "yes4",
        "fork2",
        "fork3",
        "rec",
        "rec2",
        "rec3",
        "rec4",
        "double",
        "double2",
        "double3",
        "awk-re",
        "awk-loop",
        "awk-str",
        "awk-arr",
        "awk-rec",
        "awk-getline",
        "printf3",
        "dd",
        "dd2",
        "dd3",
        "dd4",
        "dd5",
        "seq",
        "seq2",
        "seq3",
        "head",
        "head2",
        "bigsemi",
        "biglines",
        "bigsub",
        "bigarith2",
        "bigif",
        "bigpipe",
        "bigand",
        "bigheredoc2",
        "substr",
        "offers",
        "decode",
        "arithvar",
        "catdev",
        "catdev2",
        "evalrec",
        "dot",
        "selfsh",
        "selfsh2",
        "sedloop",
        "sedloop2",
        "awkgsub",
        "set",
        "kill",
        "touch",
        "find",
        "xargs",
    ]
)
"""Those that would never end, or not within any reason: a limit is recorded."""
SECONDS = 4  # none takes two; a cost that is not linear takes minutes


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_line_costs_little_and_is_told_of(
    shell: Shell, name: str, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    shell.run(b"cd /tmp")
    with costs_less(SECONDS):
        effects = list(shell.run(HOSTILE[name].encode()).effects)
        if shell.reading:
            effects += shell.feed_eof().effects
        effects += shell.close().effects
    limits = [effect.name for effect in effects if isinstance(effect, Limit)]
    assert limits or name not in ENDLESS


MEMORY_BYTES = 1 << 30
PROGRAM = """
import resource, sys, json
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from datetime import UTC, datetime
from mead.shell import Shell, default_personas
for line in json.load(sys.stdin):
    for persona in default_personas()[:1] + default_personas()[10:11]:
        shell = Shell(persona, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
        shell.run(line.encode())
        shell.close()
print("done")
"""


@pytest.mark.soak
def test_all_hostile_lines_fit_into_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(MEMORY_BYTES)], input=json.dumps(list(HOSTILE.values())).encode(),
        capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"done\n", b"")
