# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""/proc/cpuinfo in the layout of each architecture's kernel.

**Source:** `show_cpuinfo` of the Linux kernel's architectures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mead.shell.persona import ShellPersona

__all__ = ["cpuinfo"]

_X86_FLAGS: Final = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss syscall nx "
    "pdpe1gb rdtscp lm constant_tsc rep_good nopl xtopology cpuid tsc_known_freq pni pclmulqdq ssse3 fma cx16 pcid "
    "sse4_1 sse4_2 x2apic movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm abm"
)


def _mips(persona: ShellPersona) -> str:
    speed = persona.number("bogomips", 26_000, 58_000) / 100
    boards = {
        "MIPS 74Kc V4.12": "Atheros AR9341",
        "RLX4181": "RTL8672",
        "MIPS 1004Kc V2.15": "MediaTek MT7621 ver:1 eco:3",
    }
    cores = "\n".join(
        f"processor\t\t: {cpu}\ncpu model\t\t: {persona.cpu_model}\nBogoMIPS\t\t: {speed:.2f}\nwait instruction\t: yes\n"
        "microsecond timers\t: yes\ntlb_entries\t\t: 32\nextra interrupt vector\t: yes\n"
        "hardware watchpoint\t: yes, count: 4, address/irw mask: [0x0ffc, 0x0ffc, 0x0ffb, 0x0ffb]\n"
        "ASEs implemented\t: mips16 dsp\nshadow register sets\t: 1\nkscratch registers\t: 0\n"
        f"core\t\t\t: {cpu // 2}\nVCED exceptions\t\t: not available\nVCEI exceptions\t\t: not available\n"
        for cpu in range(persona.cpus)
    )
    return f"system type\t\t: {boards.get(persona.cpu_model, persona.distribution)}\n{cores}\n"


def _arm(persona: ShellPersona) -> str:
    speed = persona.number("bogomips", 48_000, 120_000) / 100
    revision = persona.cpu_model.split("rev ")[-1][:1]
    cores = "".join(
        f"processor\t: {cpu}\nmodel name\t: {persona.cpu_model}\nBogoMIPS\t: {speed:.2f}\n"
        "Features\t: swp half thumb fastmult edsp vfp vfpv3 tls\nCPU implementer\t: 0x41\nCPU architecture: 7\n"
        f"CPU variant\t: 0x0\nCPU part\t: 0xc07\nCPU revision\t: {revision}\n\n"
        for cpu in range(persona.cpus)
    )
    return f"{cores}Hardware\t: {persona.distribution}\nRevision\t: 0000\nSerial\t\t: {persona.digest('serial')[:8].hex()}\n"


def _arm64(persona: ShellPersona) -> str:
    part = "0xd08" if persona.cpu_model == "Cortex-A72" else "0xd03"
    return "".join(
        f"processor\t: {cpu}\nBogoMIPS\t: {persona.number('bogomips', 2_500, 10_800) / 100:.2f}\n"
        "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
        f"CPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n"
        for cpu in range(persona.cpus)
    )


def _x86(persona: ShellPersona) -> str:
    speed = persona.number("mhz", 199_000, 249_900) / 100
    intel = "Intel" in persona.cpu_model
    geode = "Geode" in persona.cpu_model
    vendor = "GenuineIntel" if intel else "AuthenticAMD"
    family, model, stepping = (6, 79, 1) if intel else (5, 10, 2) if geode else (23, 1, 2)
    flags = "fpu de pse tsc msr cx8 sep pge cmov clflush mmx mmxext 3dnowext 3dnow" if geode else _X86_FLAGS
    return "".join(
        f"processor\t: {cpu}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
        f"model name\t: {persona.cpu_model}\nstepping\t: {stepping}\nmicrocode\t: 0x1\ncpu MHz\t\t: {speed:.3f}\n"
        f"cache size\t: {128 if geode else 4096} KB\nphysical id\t: {cpu}\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n"
        f"fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\nflags\t\t: {flags}\nbugs\t\t:\n"
        f"bogomips\t: {speed * 2:.2f}\nclflush size\t: 64\naddress sizes\t: 40 bits physical, 48 bits virtual\n\n"
        for cpu in range(persona.cpus)
    )


def _ppc(persona: ShellPersona) -> str:
    return (
        f"processor\t: 0\ncpu\t\t: {persona.cpu_model}\nclock\t\t: 799.999992MHz\nrevision\t: 5.1 (pvr 8021 1051)\n"
        "bogomips\t: 99.99\n\ntotal bogomips\t: 99.99\ntimebase\t: 49999999\nplatform\t: P1014RDB\n"
        "model\t\t: TP-Link TL-WDR4900 v1\nMemory\t\t: 128 MB\n"
    )


def _sh4(persona: ShellPersona) -> str:
    return (
        f"machine\t\t: {persona.cpu_model}\nprocessor\t: 0\ncpu family\t: sh4\ncpu type\t: {persona.cpu_model}\n"
        "cut\t\t: 3.x\ncpu flags\t: fpu\ncache type\t: split (harvard)\nicache size\t: 32KiB (2-way)\n"
        f"dcache size\t: 32KiB (2-way)\nbogomips\t: {persona.number('bogomips', 44_000, 45_000) / 100:.2f}\n"
    )


_LAYOUTS: Final[dict[str, Callable[[ShellPersona], str]]] = {
    "mips": _mips, "mipsel": _mips, "armv5l": _arm, "armv7l": _arm, "aarch64": _arm64,
    "x86_64": _x86, "i686": _x86, "ppc": _ppc, "sh4": _sh4,
}  # fmt: skip


def cpuinfo(persona: ShellPersona) -> bytes:
    """The content of /proc/cpuinfo."""
    return _LAYOUTS.get(persona.architecture, _ppc)(persona).encode()
