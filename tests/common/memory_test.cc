#include "common/memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/testing/status_matchers.h"

namespace footnote {
namespace {

TEST(ByteSize, IsReadAsPeopleWriteIt) {
  const auto expect = [](std::string_view text, uint64_t bytes) {
    const StatusOr<uint64_t> read = ParseByteSize(text);
    ASSERT_OK(read);
    EXPECT_EQ(*read, bytes) << text;
  };
  expect("4GiB", uint64_t{4} << 30);
  expect("512MiB", uint64_t{512} << 20);
  expect("1.5GiB", uint64_t{3} << 29);
  expect("64 KiB", 65536);
  expect("800MB", 800'000'000);
  expect("2GB", 2'000'000'000);
  expect("4096", 4096);
  expect("17B", 17);
}

TEST(ByteSize, WhatIsNoAmountIsRefused) {
  for (const char* text : {"", "GiB", "4G", "-1GiB", "0", "four", "1e3GiB", "4 GiB more", "nan",
                           "inf", "99999999TiB", "0x10"}) {
    SCOPED_TRACE(text);
    EXPECT_STATUS(ParseByteSize(text), kInvalidArgument, "512MiB or 4GiB");
  }
}

TEST(ByteSize, IsPrintedSoThatItCanBeGivenAndIsEnough) {
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{1} << 20, (uint64_t{300} << 20) + 1}) {
    ASSERT_OK_AND_ASSIGN(const uint64_t read, ParseByteSize(ByteSizeText(bytes)));
    EXPECT_GE(read, bytes);
    EXPECT_LT(read, bytes + (1 << 20));
  }
}

TEST(Memory, GrowsWithWhatIsHeldAndHasAnEnd) {
  const uint64_t before = ResidentBytes();
  EXPECT_GT(before, 0u);
  constexpr size_t kBytes = size_t{32} << 20;
  const std::vector<char> held(kBytes, 1);
  EXPECT_GE(ResidentBytes(), before + kBytes / 2 + static_cast<uint64_t>(held[7]));
  EXPECT_GE(PeakResidentBytes(), before + kBytes / 2);
  EXPECT_GE(MachineMemoryBytes(), ResidentBytes());
}

TEST(Memory, ABoundLeavesWhatIsNotHeld) {
  EXPECT_FALSE(MemoryBound().exists());
  EXPECT_EQ((MemoryBound{100, 30}).left_bytes(), 70u);
  EXPECT_EQ((MemoryBound{30, 100}).left_bytes(), 0u);
}

}  // namespace
}  // namespace footnote
