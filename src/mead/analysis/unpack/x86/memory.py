# SPDX-License-Identifier: Apache-2.0
"""Emulated memory: a few regions, little-endian, with the pages remembered that were written."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FaultError", "Memory", "Region"]


class FaultError(Exception):
    """An access to an address where there is no memory."""

    def __init__(self, address: int, *, write: bool) -> None:
        super().__init__(f"{'write to' if write else 'read of'} {address:#x}")
        self.address = address
        self.write = write


@dataclass(slots=True)
class Region:
    """Some contiguous memory."""

    start: int
    data: bytearray

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.start + len(self.data)


class Memory:
    """All regions of a process."""

    def __init__(self) -> None:
        self.regions: list[Region] = []
        self.written: set[int] = set()
        """Numbers of the 4 KiB pages that were written."""
        self._last = Region(0, bytearray())

    def add(self, start: int, data: bytearray) -> Region:
        """Map some memory."""
        region = Region(start, data)
        self.regions.append(region)
        return region

    def find(self, address: int, size: int, *, write: bool = False) -> Region:
        """The region that holds `size` bytes from `address`.

        Raises:
            FaultError: there is none.
        """
        last = self._last
        if last.start <= address and address + size <= last.start + len(last.data):
            return last
        for region in self.regions:
            if region.start <= address and address + size <= region.start + len(region.data):
                self._last = region
                return region
        raise FaultError(address, write=write)

    def read(self, address: int, size: int) -> int:
        """A number of 1, 2 or 4 bytes."""
        last = self._last
        at = address - last.start
        if at < 0 or at + size > len(last.data):
            last = self.find(address, size)
            at = address - last.start
        return int.from_bytes(last.data[at : at + size], "little")

    def write(self, address: int, value: int, size: int) -> None:
        """Store a number of 1, 2 or 4 bytes."""
        last = self._last
        at = address - last.start
        if at < 0 or at + size > len(last.data):
            last = self.find(address, size, write=True)
            at = address - last.start
        last.data[at : at + size] = value.to_bytes(size, "little")
        self.written.add(address >> 12)

    def bytes_at(self, address: int, size: int) -> bytes:
        """Some bytes."""
        region = self.find(address, size)
        at = address - region.start
        return bytes(region.data[at : at + size])

    def put(self, address: int, data: bytes) -> None:
        """Store some bytes."""
        region = self.find(address, len(data), write=True)
        at = address - region.start
        region.data[at : at + len(data)] = data
        self.written.update(range(address >> 12, (address + len(data) >> 12) + 1))

    def text(self, address: int, limit: int = 260) -> str:
        """A string that ends with a zero byte."""
        region = self.find(address, 1)
        at = address - region.start
        end = region.data.find(0, at, at + limit)
        return region.data[at : end if end >= 0 else at + limit].decode("latin-1")
