// A layer between a program and the system's file calls: records what is written below one folder,
// makes the Nth operation fail, or kills the program there.
//
// It is a shared library whose open, write, fsync, rename … stand before libc's. A test that links
// it controls it with the functions below; any other program gets it by LD_PRELOAD and these
// variables:
//   FOOTNOTE_FAULTS_FOLDER   what is watched
//   FOOTNOTE_FAULTS_KILL_AT  the program kills itself (SIGKILL) at this operation, counted from 1;
//                            of a write the first half is done
//   FOOTNOTE_FAULTS_COUNT    a file that gets the number of operations when the program ends
// Below a watched folder no sync reaches the disk: a test that kills programs does not lose the
// system's cache, and power loss is simulated (simulated_disk.h) from what was recorded.
// Operations are in one order, that of a mutex: while it is held one call runs.
// Not seen: changes through mmap, io_uring, dup, and renamed folders. Recording tells whether there
// were any: what SimulatedDisk makes of all operations must be what is on the disk.
// Threads: all functions may be called at any time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/faults/file_operation.h"

namespace footnote::testing {

class FileFaults {
 public:
  // Begins to watch; counts from 0. record: keep the operations for Stop.
  static void Watch(const std::filesystem::path& folder, bool record = false);
  // Ends it, and returns what was recorded.
  static std::vector<FileOperation> Stop();

  // Puts a mark among the operations recorded.
  static void Mark(const std::string& text);

  struct Fault {
    uint64_t at = 0;       // the first operation that fails, counted from 1
    int error = 0;         // EIO, ENOSPC
    bool lasting = false;  // so do all that follow, but those that free space when it is ENOSPC
  };
  static void Fail(const Fault& fault);
  // Operations since Watch.
  static uint64_t Count();
  // The operation that failed first, for people; empty when none did.
  static std::string Failed();
};

}  // namespace footnote::testing
