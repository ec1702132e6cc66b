#include "common/sha256.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

// Test vectors of FIPS 180-4 as published by NIST.
constexpr char kOfEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfMillionA[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(Sha256Hex(""), kOfEmpty);
  EXPECT_EQ(Sha256Hex("abc"), kOfAbc);
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')), kOfMillionA);
}

TEST(Sha256, PiecesGiveTheDigestOfTheWhole) {
  Sha256 digest;
  for (int piece = 0; piece < 1000; ++piece) digest.Update(std::string(1000, 'a'));
  EXPECT_EQ(digest.FinishHex(), kOfMillionA);
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  footnote::testing::TempDir dir;
  std::ofstream(dir / "file") << std::string(3000000, 'b');
  ASSERT_OK_AND_ASSIGN(const std::string digest, Sha256HexOfFile(dir / "file"));
  EXPECT_EQ(digest, Sha256Hex(std::string(3000000, 'b')));
  EXPECT_STATUS(Sha256HexOfFile(dir / "none"), kNotFound, "none");
  EXPECT_FALSE(Sha256HexOfFile(dir.path()).ok()) << "a folder has no digest";
}

}  // namespace
}  // namespace footnote
