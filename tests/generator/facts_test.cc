// Decoding that invents no number and no name: what may follow, token by token. A token is a byte,
// or one of a few longer ones; all text is our own.
#include "generator/grounding/facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "generator/grounding.h"
#include "tests/testing/scripted_generator.h"

namespace footnote::generator {
namespace {

// Longer tokens besides bytes, as byte pair encodings have them.
class LongTokens final : public testing::ByteTokenizer {
 public:
  static inline const std::vector<std::string> kLonger = {
      " Ber", "gen", " 9", "50", " EUR", " and Oslo", "The", " the", ". The", "-7"};
  int32_t vocabulary_size() const override {
    return testing::ByteTokenizer::vocabulary_size() + static_cast<int32_t>(kLonger.size());
  }
  std::string Decode(std::span<const TokenId> ids, bool skip_special) const override {
    std::string text;
    for (const TokenId id : ids) {
      text += id < 258 ? testing::ByteTokenizer::Decode(std::span(&id, 1), skip_special)
                       : kLonger[static_cast<size_t>(id) - 258];
    }
    return text;
  }
  bool IsControl(TokenId id) const override { return id == 256 || id == 257; }
};

class FactsTest : public ::testing::Test {
 protected:
  bool Follows(const std::string& written, TokenId next) const {
    const std::vector<TokenId> allowed = constraint_->Allowed(Bytes(written));
    EXPECT_FALSE(allowed.empty());
    return std::find(allowed.begin(), allowed.end(), next) != allowed.end();
  }
  bool Follows(const std::string& written, const std::string& token) const {
    const auto& longer = LongTokens::kLonger;
    const auto at = std::find(longer.begin(), longer.end(), token);
    EXPECT_NE(at, longer.end());
    return Follows(written, static_cast<TokenId>(258 + (at - longer.begin())));
  }
  // Whether the text may be written byte by byte, and the answer end behind it.
  bool MayWrite(const std::string& text) const {
    for (size_t i = 0; i < text.size(); ++i) {
      if (!Follows(text.substr(0, i), static_cast<unsigned char>(text[i]))) return false;
    }
    return Follows(text, 257);
  }
  std::vector<TokenId> Bytes(const std::string& text) const {
    return tokenizer_.Encode(text, {.add_special = false, .parse_special = false});
  }

  LongTokens tokenizer_;
  std::shared_ptr<const TokenConstraint> constraint_ = FactsFrom(
      tokenizer_, {"The office in Bergen opened in 1957 and pays 950 EUR.", "Where is it, McKay?"});
};

TEST_F(FactsTest, OtherWordsMayBeWrittenAndTheSourcesNumbersAndNames) {
  EXPECT_TRUE(MayWrite("The house that Bergen has is a big one, open since 1957."));
  EXPECT_TRUE(MayWrite("A fee of 950 EUR is what McKay gives."));
  EXPECT_TRUE(MayWrite("nothing of it"));
}

TEST_F(FactsTest, OtherNumbersAndNamesMayNot) {
  EXPECT_FALSE(MayWrite("It opened in 1975."));
  EXPECT_FALSE(MayWrite("It opened in 195."));
  EXPECT_FALSE(MayWrite("It opened in 19570."));
  EXPECT_FALSE(MayWrite("It is in Oslo."));
  EXPECT_FALSE(MayWrite("It is in Berg."));
  EXPECT_FALSE(MayWrite("It is in Bergenville."));
  EXPECT_FALSE(MayWrite("It is in bergenX."));
  EXPECT_FALSE(MayWrite("The EURO."));
}

TEST_F(FactsTest, ACapitalMayBeginASentence) {
  EXPECT_TRUE(MayWrite("Certainly. Houses are paid. \"Good,\" it says: Yes."));
  EXPECT_FALSE(MayWrite("Certainly, Houses are paid."));
  // Not one that is a name all over.
  EXPECT_FALSE(MayWrite("USD is paid."));
  EXPECT_FALSE(MayWrite("A4 is paid."));
}

TEST_F(FactsTest, TokensThatReachOverWordsAreJudgedWhole) {
  EXPECT_TRUE(Follows("It is in", " Ber"));
  EXPECT_TRUE(Follows("It is in Ber", "gen"));
  EXPECT_FALSE(Follows("It is in Bergen", "gen"));
  EXPECT_TRUE(Follows("It is", " 9"));
  EXPECT_TRUE(Follows("It is 9", "50"));
  EXPECT_FALSE(Follows("It is 950", "50"));
  EXPECT_FALSE(Follows("It is 9", " EUR")) << "950 was not ended";
  EXPECT_TRUE(Follows("It is 950", " EUR"));
  EXPECT_FALSE(Follows("It is Bergen", " and Oslo"));
  EXPECT_FALSE(Follows("It is 950", "-7"));
  EXPECT_TRUE(Follows("", "The"));
  EXPECT_TRUE(Follows("It is 950", ". The"));
  EXPECT_TRUE(Follows("It is by", " the"));
}

TEST_F(FactsTest, TheEndComesOnlyBehindAWord) {
  EXPECT_FALSE(Follows("", 257));
  EXPECT_FALSE(Follows("In Berg", 257));
  EXPECT_TRUE(Follows("In Bergen", 257));
  EXPECT_FALSE(Follows("In Bergen", 256)) << "a control token";
}

// Whatever way is taken: each number and each name inside a sentence is the sources'.
TEST_F(FactsTest, NoWayInventsAFact) {
  const std::vector<std::string> known = {"The", "Bergen", "1957", "950", "EUR", "Where", "McKay"};
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    std::vector<TokenId> written = Bytes("in ");
    for (int step = 0; step < 80; ++step) {
      const std::vector<TokenId> allowed = constraint_->Allowed(written);
      ASSERT_FALSE(allowed.empty());
      const TokenId token = allowed[random() % allowed.size()];
      if (tokenizer_.IsControl(token)) break;
      written.push_back(token);
    }
    const std::string text = tokenizer_.Decode(written, true);
    std::string word;
    for (size_t i = 0; i < text.size(); ++i) {  // the last word may be unfinished
      const unsigned char c = static_cast<unsigned char>(text[i]);
      if (std::isalnum(c) || c >= 0x80) {
        word += text[i];
        continue;
      }
      if (std::any_of(word.begin(), word.end(), [](unsigned char d) { return std::isdigit(d); })) {
        EXPECT_NE(std::find(known.begin(), known.end(), word), known.end()) << word << "\n" << text;
      }
      word.clear();
    }
  }
}

}  // namespace
}  // namespace footnote::generator
