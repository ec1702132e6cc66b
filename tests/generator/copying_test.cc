// Sentences made of a source's own words: what may follow, token by token. A token is a byte; all
// text is our own.
#include "generator/grounding/copying.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "generator/grounding.h"
#include "tests/testing/scripted_generator.h"

namespace footnote::generator {
namespace {

class CopyingTest : public ::testing::Test {
 protected:
  std::vector<TokenId> Encode(const std::string& text) const {
    return tokenizer_->Encode(text, {.add_special = false, .parse_special = false});
  }

  // Whether the constraint lets this text be written, and the answer end behind it.
  bool MayWrite(const TokenConstraint& constraint, const std::string& text) const {
    std::vector<TokenId> written;
    for (const TokenId token : Encode(" " + text)) {
      const std::vector<TokenId> allowed = constraint.Allowed(written);
      if (std::find(allowed.begin(), allowed.end(), token) == allowed.end()) return false;
      written.push_back(token);
    }
    const std::vector<TokenId> allowed = constraint.Allowed(written);
    return std::find_first_of(allowed.begin(), allowed.end(),
                              tokenizer_->end_of_generation().begin(),
                              tokenizer_->end_of_generation().end()) != allowed.end();
  }

  std::unique_ptr<Tokenizer> tokenizer_ = std::make_unique<testing::ByteTokenizer>();
};

constexpr std::string_view kFee =
    "In every year, the Licensee shall pay a fee of 950 EUR (plus tax), which the Licensor may "
    "raise by 5 percent, within 30 days.";
constexpr std::string_view kSublicence =
    "The Licensee may grant sublicences to its affiliates, except to those in Norway.";

TEST_F(CopyingTest, AWholeSpanMayBeWritten) {
  const auto constraint = CopyingFrom(*tokenizer_, {kFee, kSublicence});
  EXPECT_TRUE(MayWrite(*constraint, std::string(kFee)));
  EXPECT_TRUE(MayWrite(*constraint, std::string(kSublicence)));
  EXPECT_TRUE(MayWrite(*constraint, std::string(kSublicence) + " " + std::string(kFee)));
  EXPECT_FALSE(MayWrite(*constraint, std::string(kFee) + " " + std::string(kFee)));
}

TEST_F(CopyingTest, WhatStandsBesideMayBeLeftOut) {
  const auto constraint = CopyingFrom(*tokenizer_, {kFee});
  // A clause by itself is seldom a sentence.
  EXPECT_FALSE(MayWrite(*constraint,
                        "the Licensee shall pay a fee of 950 EUR (plus tax), which the Licensor "
                        "may raise by 5 percent, within 30 days."));
  EXPECT_TRUE(MayWrite(*constraint,
                       "In every year, the Licensee shall pay a fee of 950 EUR, which the Licensor "
                       "may raise by 5 percent, within 30 days."));
}

TEST_F(CopyingTest, AConditionIsNeverLeftOut) {
  const auto constraint = CopyingFrom(*tokenizer_, {kSublicence, kFee});
  EXPECT_FALSE(MayWrite(*constraint, "The Licensee may grant sublicences to its affiliates."));
  // "may" limits what the clause says: it stays.
  EXPECT_FALSE(MayWrite(*constraint,
                        "In every year, the Licensee shall pay a fee of 950 EUR, within 30 days."));
  const auto conditional = CopyingFrom(
      *tokenizer_, {"If the invoice is late, the Licensee shall pay nothing at all for it."});
  EXPECT_FALSE(MayWrite(*conditional, "the Licensee shall pay nothing at all for it."));
}

TEST_F(CopyingTest, OtherWordsNamesAndNumbersCannotBeWritten) {
  const auto constraint = CopyingFrom(*tokenizer_, {kFee});
  EXPECT_FALSE(MayWrite(*constraint, "In every month, the Licensee shall pay a fee of 950 EUR."));
  EXPECT_FALSE(MayWrite(*constraint, "In every year, the Licensee shall pay a fee of 960 EUR."));
  EXPECT_FALSE(MayWrite(*constraint, "In every year, the Licensor shall pay a fee of 950 EUR."));
  EXPECT_FALSE(MayWrite(*constraint, ""));
  const std::vector<TokenId> of_nothing = CopyingFrom(*tokenizer_, {})->Allowed({});
  EXPECT_EQ(of_nothing, std::vector<TokenId>(tokenizer_->end_of_generation().begin(),
                                             tokenizer_->end_of_generation().end()));
}

// Whatever way is taken, the words of a sentence are those of one span, in their order.
TEST_F(CopyingTest, EveryWayKeepsTheOrderOfOneSpan) {
  const std::vector<std::string_view> spans = {kFee, kSublicence};
  const auto constraint = CopyingFrom(*tokenizer_, spans);
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<TokenId> written;
    for (int step = 0; step < 600; ++step) {
      const std::vector<TokenId> allowed = constraint->Allowed(written);
      ASSERT_FALSE(allowed.empty());
      const TokenId token = allowed[random() % allowed.size()];
      if (tokenizer_->IsControl(token)) break;
      written.push_back(token);
    }
    const std::string text = tokenizer_->Decode(written, true);
    // A subsequence of the spans' tokens, whichever came first.
    size_t matched[2] = {0, 0};
    const std::vector<TokenId> orders[2] = {
        Encode(" " + std::string(kFee) + " " + std::string(kSublicence)),
        Encode(" " + std::string(kSublicence) + " " + std::string(kFee))};
    const TokenId stop = Encode(".")[0];
    std::vector<TokenId> said = written;
    std::erase(said, stop);
    for (size_t o = 0; o < 2; ++o) {
      for (const TokenId token : orders[o]) {
        if (matched[o] < said.size() && said[matched[o]] == token) ++matched[o];
      }
    }
    EXPECT_EQ(std::max(matched[0], matched[1]), said.size()) << text;
  }
}

}  // namespace
}  // namespace footnote::generator
