# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Usage texts, in the wording that BusyBox prints, for the commands that loaders probe with."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.persona import ShellPersona

__all__ = ["usage_of"]

_USAGE: Final = {
    "wget": "[-c|--continue] [--spider] [-q|--quiet] [-O|--output-document FILE]\n\t[--header 'header: value'] [-Y|--proxy on/off] [-P DIR]\n\t[-U|--user-agent AGENT] URL...\n\nRetrieve files via HTTP or FTP\n\n\t--spider\tOnly check URL existence: $? is 0 if exists\n\t-c\t\tContinue retrieval of aborted transfer\n\t-q\t\tQuiet\n\t-P DIR\t\tSave to DIR (default .)\n\t-O FILE\t\tSave to FILE ('-' for stdout)\n\t-U STR\t\tUse STR for User-Agent header\n\t-Y on/off\tUse proxy",
    "tftp": "[OPTIONS] HOST [PORT]\n\nTransfer a file from/to tftp server\n\n\t-l FILE\tLocal FILE\n\t-r FILE\tRemote FILE\n\t-g\tGet file\n\t-p\tPut file\n\t-b SIZE\tTransfer blocks of SIZE octets",
    "ftpget": "[OPTIONS] HOST [LOCAL_FILE] REMOTE_FILE\n\nDownload a file via FTP\n\n\t-c\tContinue previous transfer\n\t-v\tVerbose\n\t-u USER\tUsername\n\t-p PASS\tPassword\n\t-P NUM\tPort",
    "ftpput": "[OPTIONS] HOST [REMOTE_FILE] LOCAL_FILE\n\nUpload a file to a FTP server\n\n\t-v\tVerbose\n\t-u USER\tUsername\n\t-p PASS\tPassword\n\t-P NUM\tPort number",
    "nc": "[-iN] [-wN] [-l] [-p PORT] [-f FILE|IPADDR PORT] [-e PROG]\n\nOpen a pipe to IP:PORT or FILE\n\n\t-l\tListen mode, for inbound connects\n\t\t(use -ll with -e for persistent server)\n\t-p PORT\tLocal port\n\t-w SEC\tConnect timeout\n\t-i SEC\tDelay interval for lines sent\n\t-f FILE\tUse file (ala /dev/ttyS0) instead of network\n\t-e PROG\tRun PROG after connect",
    "chmod": "[-Rcvf] MODE[,MODE]... FILE...\n\nEach MODE is one or more of the letters ugoa, one of the\nsymbols +-= and one or more of the letters rwxst\n\n\t-R\tRecurse\n\t-c\tList changed files\n\t-v\tList all files\n\t-f\tHide errors",
    "rm": "[-irf] FILE...\n\nRemove (unlink) FILEs\n\n\t-i\tAlways prompt before removing\n\t-f\tNever prompt\n\t-R,-r\tRecurse",
    "cp": "[OPTIONS] SOURCE... DEST\n\nCopy SOURCE(s) to DEST\n\n\t-a\tSame as -dpR\n\t-R,-r\tRecurse\n\t-d,-P\tPreserve symlinks (default if -R)\n\t-L\tFollow all symlinks\n\t-H\tFollow symlinks on command line\n\t-p\tPreserve file attributes if possible\n\t-f\tOverwrite\n\t-i\tPrompt before overwrite\n\t-l,-s\tCreate (sym)links",
    "mv": "[-fin] SOURCE DEST\nor: mv [-fin] SOURCE... DIRECTORY\n\nRename SOURCE to DEST, or move SOURCE(s) to DIRECTORY\n\n\t-f\tDon't prompt before overwriting\n\t-i\tInteractive, prompt before overwrite\n\t-n\tDon't overwrite an existing file",
    "mkdir": "[OPTIONS] DIRECTORY...\n\nCreate DIRECTORY\n\n\t-m MODE\tMode\n\t-p\tNo error if exists; make parent directories as needed",
    "dd": "[if=FILE] [of=FILE] [bs=N] [count=N] [skip=N]\n\t[seek=N] [conv=notrunc|noerror|sync|fsync]\n\nCopy a file with converting and formatting\n\n\tif=FILE\t\tRead from FILE instead of stdin\n\tof=FILE\t\tWrite to FILE instead of stdout\n\tbs=N\t\tRead and write N bytes at a time\n\tcount=N\t\tCopy only N input blocks\n\tskip=N\t\tSkip N input blocks\n\tseek=N\t\tSkip N output blocks",
    "kill": "[-l] [-SIG] PID...\n\nSend a signal (default: TERM) to given PIDs\n\n\t-l\tList all signal names and numbers",
    "cat": "[FILE]...\n\nConcatenate FILEs and print them to stdout",
    "ls": "[-1AaCxdLHRFplinsehrSXvctu] [-w WIDTH] [FILE]...\n\nList directory contents",
    "ps": "\n\nShow list of processes",
    "head": "[OPTIONS] [FILE]...\n\nPrint first 10 lines of each FILE (or stdin) to stdout.\nWith more than one FILE, precede each with a filename header.\n\n\t-n N[kbm]\tPrint first N lines\n\t-c N[kbm]\tPrint first N bytes\n\t-q\t\tNever print headers\n\t-v\t\tAlways print headers",
    "grep": "[-HhnlLoqvsriwFE] [-m N] [-A/B/C N] PATTERN/-e PATTERN.../-f FILE [FILE]...\n\nSearch for PATTERN in FILEs (or stdin)",
    "sed": "[-inrE] [-f FILE]... [-e CMD]... [FILE]...\nor: sed [-inrE] CMD [FILE]...",
    "telnet": "[-a] [-l USER] HOST [PORT]\n\nConnect to telnet server\n\n\t-a\tAutomatic login with $USER variable\n\t-l USER\tAutomatic login as USER",
    "ping": "[OPTIONS] HOST\n\nSend ICMP ECHO_REQUEST packets to network hosts\n\n\t-4,-6\t\tForce IP or IPv6 name resolution\n\t-c CNT\t\tSend only CNT pings\n\t-s SIZE\t\tSend SIZE data bytes in packets (default:56)\n\t-q\t\tQuiet, only display output at start\n\t\t\tand when finished",
}  # fmt: skip
_DERIVED: Final = {"touch": "[-c] FILE [FILE]...", "chown": "[-RhLHPcvf]... OWNER[<.|:>[GROUP]] FILE...", "ln": "[OPTIONS] TARGET... LINK|DIR", "rmdir": "[OPTIONS] DIRECTORY...", "sleep": "[N]...", "killall": "[-l] [-q] [-SIG] PROCESS_NAME...", "base64": "[-d] [FILE]", "md5sum": "[-c[sw]] [FILE]...", "which": "[COMMAND]...", "xxd": "[-pri] [-g N] [-c N] [-n LEN] [-s OFS] [FILE]"}  # fmt: skip


def usage_of(name: str, persona: ShellPersona) -> str:
    """What a command prints when it is called wrongly."""
    text = _USAGE.get(name) or _DERIVED.get(name)
    if persona.gnu and name not in {"busybox", "tftp", "ftpget", "ftpput"}:
        if name == "wget":
            return (
                "wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n"
            )
        return f"Try '{name} --help' for more information.\n"
    banner = f"BusyBox {persona.busybox_version} multi-call binary.\n\n"
    found = re.match(r"v1\.(\d+)", persona.busybox_version)
    end = "\n" if found and int(found[1]) >= 32 else "\n\n"
    return f"{banner}Usage: {name} {text or '[OPTIONS]'}{end}"
