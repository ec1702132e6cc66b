// Amounts of memory: as people write them, as this machine has them, as this process holds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote {

// "512MiB", "4GiB", "1.5GiB", "800MB", or a plain number of bytes. INVALID_ARGUMENT for the rest.
StatusOr<uint64_t> ParseByteSize(std::string_view text);

// As ParseByteSize reads it, in whole MiB, rounded up: "286MiB".
std::string ByteSizeText(uint64_t bytes);

// What this process may use: the machine's memory, or less where its control group is limited.
uint64_t MachineMemoryBytes();

// What this process holds of it now, mapped files included, and the most it ever did.
uint64_t ResidentBytes();
uint64_t PeakResidentBytes();

// Gives memory that was freed, and that malloc keeps for later, back to the system.
void ReturnFreedMemory();

// From now on, what is freed of large blocks (above 256 KiB) goes back at once: malloc would
// otherwise begin to keep them after the first, and mix small blocks into their places. Costs the
// system's work for each such block. For the whole process.
void KeepNoLargeBlocks();

// The most that a process may hold while it does a piece of work, and what it holds before.
struct MemoryBound {
  uint64_t total_bytes = 0;  // 0: there is no bound
  uint64_t held_bytes = 0;   // by the program and its models

  bool exists() const { return total_bytes != 0; }
  // For the work; meaningless without a bound.
  uint64_t left_bytes() const { return total_bytes > held_bytes ? total_bytes - held_bytes : 0; }
};

}  // namespace footnote
