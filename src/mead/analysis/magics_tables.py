# SPDX-License-Identifier: Apache-2.0
"""Magic numbers of what is seen in the field: offset, mark, short name, media type.

The first that fits counts.

Source: the formats' own specifications; for those of devices, Linux's and U-Boot's headers.
"""

from __future__ import annotations

__all__ = ["IN_ZIP", "MAGICS", "OPENINGS"]

MAGICS: tuple[tuple[int, bytes, str, str], ...] = (
    # programs
    (0, b"\x7fELF", "elf", "application/x-elf"),
    (0, b"\xcf\xfa\xed\xfe", "macho", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "macho", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "macho", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xce", "macho", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe\0\0\0\x01", "macho-fat", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe\0\0\0\x02", "macho-fat", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe\0\0\0\x03", "macho-fat", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe", "java-class", "application/java-vm"),
    (0, b"dex\n", "dex", "application/vnd.android.dex"),
    (0, b"\0asm", "wasm", "application/wasm"),
    (0, b"\x1bLua", "lua", "application/x-luac"),
    (0, b"bFLT", "bflt", "application/x-bflt"),
    # archives and streams
    (0, b"PK\x03\x04", "zip", "application/zip"),
    (0, b"PK\x05\x06", "zip", "application/zip"),
    (0, b"PK\x07\x08", "zip", "application/zip"),
    (0, b"\x1f\x8b", "gzip", "application/gzip"),
    (0, b"BZh", "bzip2", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "xz", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd", "application/zstd"),
    (0, b"\x04\x22\x4d\x18", "lz4", "application/x-lz4"),
    (0, b"\x89LZO\0\r\n\x1a\n", "lzop", "application/x-lzop"),
    (0, b"LZIP", "lzip", "application/lzip"),
    (0, b"\x1f\x9d", "compress", "application/x-compress"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "rar", "application/vnd.rar"),
    (7, b"**ACE**", "ace", "application/x-ace-compressed"),
    (0, b"MSCF\0\0\0\0", "cab", "application/vnd.ms-cab-compressed"),
    (0, b"ISc(", "installshield-cab", "application/x-installshield"),
    (0, b"!<arch>\ndebian-binary", "deb", "application/vnd.debian.binary-package"),
    (0, b"!<arch>\n", "ar", "application/x-archive"),
    (0, b"\xed\xab\xee\xdb", "rpm", "application/x-rpm"),
    (0, b"070701", "cpio", "application/x-cpio"),
    (0, b"070702", "cpio", "application/x-cpio"),
    (0, b"070707", "cpio", "application/x-cpio"),
    (0, b"\xc7\x71", "cpio", "application/x-cpio"),
    (0, b"\x60\xea", "arj", "application/x-arj"),
    (2, b"-lh", "lha", "application/x-lzh-compressed"),
    (0, b"xar!", "xar", "application/x-xar"),
    (0, b"MSWIM\0\0\0", "wim", "application/x-ms-wim"),
    (0, b"Cr24", "crx", "application/x-chrome-extension"),
    (0, b"SZDD\x88\xf0'3", "szdd", "application/x-ms-compress-szdd"),
    (0, b"KWAJ\x88\xf0'\xd1", "kwaj", "application/x-ms-compress-kwaj"),
    (257, b"ustar", "tar", "application/x-tar"),
    # images of disks and devices
    (32769, b"CD001", "iso9660", "application/x-iso9660-image"),
    (0, b"hsqs", "squashfs", "application/x-squashfs"),
    (0, b"sqsh", "squashfs", "application/x-squashfs"),
    (0, b"\x45\x3d\xcd\x28", "cramfs", "application/x-cramfs"),
    (0, b"\x85\x19", "jffs2", "application/x-jffs2"),
    (0, b"UBI#", "ubi", "application/x-ubi"),
    (0, b"\x27\x05\x19\x56", "u-boot", "application/x-u-boot"),
    (0, b"HDR0", "trx", "application/x-trx"),
    (0, b"QFI\xfb", "qcow2", "application/x-qcow2"),
    (0, b"KDMV", "vmdk", "application/x-vmdk"),
    (0, b"conectix", "vhd", "application/x-vhd"),
    (0, b"vhdxfile", "vhdx", "application/x-vhdx"),
    # documents
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole", "application/x-ole-storage"),
    (0, b"%PDF-", "pdf", "application/pdf"),
    (0, b"{\\rtf", "rtf", "text/rtf"),
    (0, b"%!PS", "postscript", "application/postscript"),
    (0, b"ITSF\x03", "chm", "application/vnd.ms-htmlhelp"),
    (0, b"?_\x03\0", "hlp", "application/winhlp"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "onenote", "application/onenote"),
    (0, b'x\x9f>"', "tnef", "application/vnd.ms-tnef"),
    (0, b"!BDN", "pst", "application/vnd.ms-outlook-pst"),
    (0, b"\0\x01\0\0Standard Jet DB", "mdb", "application/x-msaccess"),
    (0, b"\0\x01\0\0Standard ACE DB", "accdb", "application/x-msaccess"),
    (0, b"AT&TFORM", "djvu", "image/vnd.djvu"),
    # what Windows keeps
    (0, b"L\0\0\0\x01\x14\x02\0", "lnk", "application/x-ms-shortcut"),
    (0, b"regf", "registry-hive", "application/x-ms-registry"),
    (0, b"ElfFile\0", "evtx", "application/x-ms-evtx"),
    (0, b"MDMP\x93\xa7", "minidump", "application/x-ms-minidump"),
    # media
    (0, b"FWS", "swf", "application/x-shockwave-flash"),
    (0, b"CWS", "swf", "application/x-shockwave-flash"),
    (0, b"ZWS", "swf", "application/x-shockwave-flash"),
    (0, b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (0, b"\xff\xd8\xff", "jpeg", "image/jpeg"),
    (0, b"GIF8", "gif", "image/gif"),
    (0, b"II*\0", "tiff", "image/tiff"),
    (0, b"MM\0*", "tiff", "image/tiff"),
    (0, b"\0\0\x01\0", "ico", "image/vnd.microsoft.icon"),
    (8, b"WEBP", "webp", "image/webp"),
    (8, b"WAVE", "wav", "audio/x-wav"),
    (8, b"AVI ", "avi", "video/x-msvideo"),
    (8, b"ACON", "ani", "application/x-navi-animation"),
    (0, b"ID3", "mp3", "audio/mpeg"),
    (0, b"OggS", "ogg", "application/ogg"),
    (0, b"fLaC", "flac", "audio/flac"),
    (4, b"ftyp", "mp4", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "matroska", "video/x-matroska"),
    (0, b"8BPS", "psd", "image/vnd.adobe.photoshop"),
    # data
    (0, b"SQLite format 3\0", "sqlite", "application/vnd.sqlite3"),
    (0, b"\xd4\xc3\xb2\xa1", "pcap", "application/vnd.tcpdump.pcap"),
    (0, b"\xa1\xb2\xc3\xd4", "pcap", "application/vnd.tcpdump.pcap"),
    (0, b"\x0a\x0d\x0d\x0a", "pcapng", "application/x-pcapng"),
    (0, b"PAR1", "parquet", "application/vnd.apache.parquet"),
    (0, b"d8:announce", "torrent", "application/x-bittorrent"),
    (0, b"-----BEGIN ", "pem", "application/x-pem-file"),
    (0, b"openssh-key-v1\0", "ssh-key", "application/x-openssh-key"),
    # text that begins with what it is
    (0, b"#!", "script", "text/x-script"),
    (0, b"<?php", "php", "text/x-php"),
    (0, b"<?xml", "xml", "text/xml"),
    (0, b"[InternetShortcut]", "url", "application/x-mswinurl"),
    (0, b"REGEDIT4", "reg", "text/x-ms-regedit"),
    (0, b"Windows Registry Editor", "reg", "text/x-ms-regedit"),
    (0, b"From ", "mbox", "application/mbox"),
)  # fmt: skip

IN_ZIP: tuple[tuple[bytes, str, str], ...] = (
    (b"AndroidManifest.xml", "apk", "application/vnd.android.package-archive"),
    (b"word/", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (b"META-INF/MANIFEST.MF", "jar", "application/java-archive"),
    (b"mimetypeapplication/vnd.oasis", "odf", "application/vnd.oasis.opendocument"),
    (b"mimetypeapplication/epub", "epub", "application/epub+zip"),
)
"""Names of members that tell what a ZIP really is, as they stand in its headers."""

OPENINGS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"<html", b"<!doctype html", b"<body", b"<head", b"<meta"), "html", "text/html"),
    ((b"<script", b"<hta:"), "html", "text/html"),
    ((b"<job", b"<package", b"<component"), "wsf", "text/x-ms-wsf"),
    ((b"<svg",), "svg", "image/svg+xml"),
    ((b"@echo off", b"rem ", b"cmd /c", b"cmd.exe"), "batch", "text/x-msdos-batch"),
    ((b"on error resume next", b"dim ", b"set ws", b"createobject("), "vbscript", "text/vbscript"),
    ((b"powershell", b"$erroractionpreference", b"iex(", b"iex (", b"[cmdletbinding", b"invoke-"),
     "powershell", "text/x-powershell"),
    ((b"import ", b"from __future__"), "python", "text/x-python"),
    ((b"eval(function(p,a,c,k", b"function ", b"var ", b"try{", b"(function("),
     "javascript", "text/javascript"),
)  # fmt: skip
"""How text begins, in lower case and without the white space before it."""
