"""What /proc/cpuinfo says of a processor, on kernels of several architectures; texts as they were recorded, cut short."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from deploybench.bench import cli
from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.matching import Matched
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.bench.machine import environment
from deploybench.bench.machine.cpu import UNKNOWN, cpu_family, cpu_features, cpu_name, read_cpuinfo
from deploybench.bench.machine.environment import describe_environment
from deploybench.bench.report.messages.comparison import render_comparison
from deploybench.bench.runs.metrics import metrics_of
from deploybench.bench.runs.store import read_run

SAVED = Path(__file__).parents[1] / "data" / "runs" / "schema-2.json"
RUN = read_run(SAVED)


def arm(*cores, features):
    """Blocks of ARM's kernel: implementer, variant, part and revision of each core."""
    return "\n".join(
        f"processor\t: {number}\nBogoMIPS\t: 243.75\nFeatures\t: {features}\nCPU implementer\t: {implementer}\n"
        f"CPU architecture: 8\nCPU variant\t: {variant}\nCPU part\t: {part}\nCPU revision\t: {revision}\n"
        for number, (implementer, variant, part, revision) in enumerate(cores)
    )


V8 = "fp asimd evtstrm crc32 cpuid"
V82 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs"
V84 = (
    f"{V82} sha3 sm3 sm4 sha512 sve asimdfhm dit uscat ilrcpc flagm paca pacg dcpodp svei8mm svebf16 i8mm bf16 dgh rng"
)
GRAVITON2 = arm(*[("0x41", "0x3", "0xd0c", "1")] * 2, features=V82)
GRAVITON3 = arm(*[("0x41", "0x1", "0xd40", "1")] * 2, features=V84)
RASPBERRY_PI_4 = (
    arm(*[("0x41", "0x0", "0xd08", "3")] * 4, features=V8)
    + "\nRevision\t: c03111\nSerial\t\t: 100000000000\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n"
)
BIG_LITTLE = arm(*[("0x41", "0x0", "0xd03", "4")] * 4, *[("0x41", "0x0", "0xd09", "2")] * 2, features=V8)
OLD_ARM = (  # what all cores have in common stands once, at the end
    "Processor\t: AArch64 Processor rev 3 (aarch64)\nprocessor\t: 0\nprocessor\t: 1\n\n"
    "Features\t: fp asimd\nCPU implementer\t: 0x51\nCPU variant\t: 0x2\nCPU part\t: 0x211\nCPU revision\t: 0\n"
)
X86 = (  # "sme" is no matrix extension here
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14\nstepping\t: 1\n"
    "flags\t\t: fpu vme sse2 sme avx2 fma avx512f avx512_bf16 avx512_vnni\n\n"
    "processor\t: 1\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14\nstepping\t: 1\n"
    "flags\t\t: fpu vme sse2 sme avx2 fma avx512f avx512_bf16 avx512_vnni\n"
)
SANDBOX = (  # gVisor
    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: unknown\nstepping\t: unknown\n"
    "flags\t\t: fpu sse2 avx2 fma\n"
)
POWER = (
    "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2166.000000MHz\nrevision\t: 2.3 (pvr 004e 1203)\n"
)
RISCV = "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\nuarch\t\t: sifive,u74-mc\n"
RISCV_BARE = "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdcv\nmmu\t\t: sv48\n"
S390X = (
    "vendor_id       : IBM/S390\n# processors    : 2\nbogomips per cpu: 3033.00\n"
    "features\t: esan3 zarch stfle msa ldisp eimm dfp vx vxd vxe\n"
    "processor 0: version = FF,  identification = 0A1B2C,  machine = 8561\n\n"
    "cpu number      : 0\ncpu MHz dynamic : 5200\n"
)
KNOWN = {
    "x86": (X86, "AMD EPYC 9R14", "25/17/1", ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16")),
    "a sandbox": (SANDBOX, UNKNOWN, "6/85/unknown", ("avx2", "fma")),
    "Graviton 2": (
        *(GRAVITON2, "ARM implementer 0x41 part 0xd0c", "0x41/0xd0c/0x3/1"),
        ("asimd", "fphp", "asimdhp", "asimddp"),
    ),
    "Graviton 3": (
        *(GRAVITON3, "ARM implementer 0x41 part 0xd40", "0x41/0xd40/0x1/1"),
        ("asimd", "fphp", "asimdhp", "asimdfhm", "asimddp", "i8mm", "bf16", "sve", "svei8mm", "svebf16"),
    ),
    "Raspberry Pi 4": (RASPBERRY_PI_4, "ARM implementer 0x41 part 0xd08", "0x41/0xd08/0x0/3", ("asimd",)),
    "big.LITTLE": (
        *(BIG_LITTLE, "ARM implementer 0x41 part 0xd03, ARM implementer 0x41 part 0xd09"),
        *("0x41/0xd03/0x0/4, 0x41/0xd09/0x0/2", ("asimd",)),
    ),
    "an old kernel of ARM": (OLD_ARM, "ARM implementer 0x51 part 0x211", "0x51/0x211/0x2/0", ("asimd",)),
    "POWER": (POWER, "POWER9, altivec supported", UNKNOWN, ()),
    "RISC-V": (RISCV, "sifive,u74-mc", UNKNOWN, ()),
}
NAMELESS = {"s390x": S390X, "RISC-V without a name": RISCV_BARE, "empty": "", "no fields": "none\n\n\nto be had\n"}


def on(cpuinfo, monkeypatch):
    """The saved run as this kernel would have had it recorded."""
    monkeypatch.setattr(environment, "read_cpuinfo", lambda: cpuinfo)
    found = describe_environment()
    return replace(RUN, environment={**RUN.environment, **{name: found[name] for name in ("cpu", "cpu_family", "isa")}})


def compared(base, contender):
    return compare_runs([Matched(base=base, contender=contender)], Thresholds())


def verdicts(comparison, *, timed):
    of = [
        one.verdict
        for one in comparison.changes
        if (one.metric in metrics_of("time")) == timed and one.metric != "accuracy"
    ]
    assert of
    return set(of)


@pytest.mark.parametrize("name", KNOWN)
def test_a_processor_is_called_by_what_the_kernel_tells(name):
    cpuinfo, *expected = KNOWN[name]

    assert [cpu_name(cpuinfo), cpu_family(cpuinfo), cpu_features(cpuinfo)] == expected


@pytest.mark.parametrize("name", NAMELESS)
def test_what_the_kernel_does_not_tell_is_unknown(name):
    cpuinfo = NAMELESS[name]

    assert (cpu_name(cpuinfo), cpu_family(cpuinfo), cpu_features(cpuinfo)) == (UNKNOWN, UNKNOWN, ())


def test_of_unlike_cores_only_what_all_have_counts():
    cpuinfo = f"{arm(('0x41', '0x0', '0xd41', '0'), features=V84)}\n{arm(('0x41', '0x0', '0xd05', '0'), features=V82)}"

    assert cpu_features(cpuinfo) == cpu_features(GRAVITON2)


@pytest.mark.parametrize("content", [None, b"model name\t: \xff\n"])
def test_a_file_that_cannot_be_read_is_no_error(tmp_path, content):
    if content:
        (tmp_path / "cpuinfo").write_bytes(content)

    assert cpu_features(read_cpuinfo(tmp_path / "cpuinfo")) == ()


def test_this_machine_is_described_by_its_own_file():
    assert describe_environment()["isa"] == list(cpu_features()) == list(cpu_features(read_cpuinfo()))


@pytest.mark.parametrize(("one", "other"), [*combinations(KNOWN, 2)])
def test_two_processors_do_not_look_alike(monkeypatch, one, other):
    comparison = compared(on(KNOWN[one][0], monkeypatch), on(KNOWN[other][0], monkeypatch))

    assert verdicts(comparison, timed=True) == {"not comparable"}


@pytest.mark.parametrize("name", KNOWN)
def test_one_processor_is_like_itself(monkeypatch, name):
    comparison = compared(on(KNOWN[name][0], monkeypatch), on(KNOWN[name][0], monkeypatch))

    assert verdicts(comparison, timed=True) == {"no detectable change"}
    assert comparison.differences == ()


@pytest.mark.parametrize("name", NAMELESS)
def test_two_unknown_processors_are_not_one(monkeypatch, name):
    comparison = compared(on(NAMELESS[name], monkeypatch), on(S390X, monkeypatch))

    assert verdicts(comparison, timed=True) == {"not comparable"}
    assert verdicts(comparison, timed=False) == {"no detectable change"}
    said = render_comparison(comparison, "md")
    assert "the CPU is unknown in both and may not be the same" in said
    assert "differ in" not in said


@pytest.mark.parametrize(
    ("before", "comparable"),
    [
        ({"cpu": "aarch64", "cpu_family": "?/?/?", "isa": []}, False),  # files from before, of any ARM
        ({"cpu": UNKNOWN, "cpu_family": "?/?/?", "isa": []}, False),
        ({"cpu": UNKNOWN}, False),
        ({"cpu": "AMD EPYC", "cpu_family": "25/17/1"}, True),
        ({"cpu": "AMD EPYC"}, True),
        ({"cpu": UNKNOWN, "cpu_family": "6/85/unknown"}, True),
        ({}, True),  # what was not recorded forbids nothing
    ],
)
def test_of_a_saved_run_the_processor_is_known_or_not(before, comparable):
    kept = {name: value for name, value in RUN.environment.items() if name not in ("cpu", "cpu_family", "isa")}
    runs = [replace(RUN, environment={**kept, **before}) for _ in range(2)]

    assert (verdicts(compared(*runs), timed=True) == {"no detectable change"}) is comparable


def test_a_known_processor_is_not_like_an_unknown_one(monkeypatch):
    comparison = compared(on(X86, monkeypatch), on(S390X, monkeypatch))

    assert verdicts(comparison, timed=True) == {"not comparable"}
    assert "CPU: AMD EPYC 9R14 against unknown" in render_comparison(comparison, "md")


def test_the_history_of_unknown_processors_is_the_newest_run(tmp_path, capsys):
    for number, day in enumerate((1, 2)):
        saved = json.loads(SAVED.read_text(encoding="utf-8"))
        saved["deploybench"]["environment"].update(cpu=UNKNOWN, cpu_family=UNKNOWN, isa=[])
        saved["datetime"] = f"2026-01-0{day}T00:00:00+00:00"
        (tmp_path / f"000{number}_run.json").write_text(json.dumps(saved), encoding="utf-8")

    assert cli.main(["compare", "--history", str(tmp_path)]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "runs: 1" in said
    assert "left out: 1 file: the CPU is unknown in both and may not be the same" in said
