// Decoding that goes through the sources in their order: what may follow, token by token. A token
// is a byte, or one of a few longer ones; all text is our own.
#include "generator/grounding/in_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <sstream>

#include "generator/grounding.h"
#include "tests/testing/scripted_generator.h"

namespace footnote::generator {
namespace {

// Longer tokens besides bytes, as byte pair encodings have them.
class LongTokens final : public testing::ByteTokenizer {
 public:
  static inline const std::vector<std::string> kLonger = {" Ber", "gen",  " 9",  "50",     " EUR",
                                                          " The", " the", "The", " rooms", " Oslo"};
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

constexpr std::string_view kHouse =
    "The office in Bergen opened in 1957 and lets 12 rooms for 950 EUR, unless it is closed.";
constexpr std::string_view kGuests =
    "Guests of McKay leave version 3.5 of notes.txt on the well-known shelf.";
constexpr std::string_view kQuestion = "What does the office in Bergen let to guests?";

class InOrderTest : public ::testing::Test {
 protected:
  bool Follows(const std::string& written, TokenId next) const {
    const std::vector<TokenId> allowed = constraint_->Allowed(Bytes(written));
    EXPECT_FALSE(allowed.empty());
    return std::find(allowed.begin(), allowed.end(), next) != allowed.end();
  }
  bool Follows(const std::string& written, const std::string& token) const {
    const auto& longer = LongTokens::kLonger;
    const auto at = std::find(longer.begin(), longer.end(), token);
    if (at == longer.end()) {
      EXPECT_EQ(token.size(), 1U);
      return Follows(written, static_cast<unsigned char>(token[0]));
    }
    return Follows(written, static_cast<TokenId>(258 + (at - longer.begin())));
  }
  // Whether the text may be written, by the longest tokens, and the answer end behind it.
  bool MayWrite(const std::string& text) const {
    for (size_t i = 0; i < text.size();) {
      std::string token = text.substr(i, 1);
      for (const std::string& longer : LongTokens::kLonger) {
        if (text.compare(i, longer.size(), longer) == 0 && longer.size() > token.size()) {
          token = longer;
        }
      }
      if (!Follows(text.substr(0, i), token)) return false;
      i += token.size();
    }
    return text.ends_with('.') && Follows(text, 257);
  }
  std::vector<TokenId> Bytes(const std::string& text) const {
    return tokenizer_.Encode(text, {.add_special = false, .parse_special = false});
  }

  LongTokens tokenizer_;
  std::shared_ptr<const InOrder> constraint_ =
      InOrderFrom(tokenizer_, {kHouse, kGuests}, kQuestion);
};

TEST_F(InOrderTest, SourcesMayBeCopiedShortenedAndJoined) {
  EXPECT_TRUE(MayWrite(std::string(kHouse)));
  EXPECT_TRUE(MayWrite(std::string(kGuests)));
  EXPECT_TRUE(MayWrite("The office lets rooms for 950 EUR, unless it is closed."));
  EXPECT_TRUE(MayWrite("Rooms for 950 EUR are in the office, unless it is closed."));
  EXPECT_TRUE(MayWrite("It was opened in 1957, and it lets the 12 rooms, unless it is closed."));
  EXPECT_TRUE(MayWrite("A guest leaves version 3.5 of notes.txt on the shelf."));
  // One sentence behind another.
  EXPECT_TRUE(MayWrite("Guests leave notes.txt on the shelf. McKay leaves notes.txt on a shelf."));
}

TEST_F(InOrderTest, OtherWordsNumbersAndNamesMayNotStand) {
  EXPECT_FALSE(MayWrite("The guests like the well-known shelf."));
  EXPECT_FALSE(MayWrite("Guests leave version 3.6 on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave version 3 on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave version 5 on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave version 3.55 on the shelf."));
  EXPECT_FALSE(MayWrite("Guests of Oslo leave notes.txt on the shelf."));
  EXPECT_FALSE(MayWrite("Guests of McKa leave notes.txt on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave Version 3.5 on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave notes on the shelf."));
}

TEST_F(InOrderTest, TheOrderIsTheSources) {
  EXPECT_FALSE(MayWrite("The shelf of guests has notes.txt."));
  EXPECT_FALSE(MayWrite("The office lets rooms for 1957 EUR, unless it is closed."));
  EXPECT_FALSE(MayWrite("The office lets 950 rooms, unless it is closed."));
  // Nor of another source in one sentence.
  EXPECT_FALSE(MayWrite("McKay leaves 12 rooms, unless it is closed."));
}

TEST_F(InOrderTest, NothingThatLimitsIsLeftOutOrPutIn) {
  EXPECT_FALSE(MayWrite("The office lets rooms for 950 EUR."));
  EXPECT_FALSE(MayWrite("The office lets rooms for 950 EUR, closed."));
  EXPECT_FALSE(MayWrite("The office is closed."));
  EXPECT_FALSE(MayWrite("Guests may leave notes.txt on the shelf."));
  EXPECT_FALSE(MayWrite("Guests do not leave notes.txt on the shelf."));
}

TEST_F(InOrderTest, TheQuestionsWordsDoNotStandInForTheSources) {
  constraint_ = InOrderFrom(
      tokenizer_,
      {"The colour of the first wheel is green, and the miller sold flour to farmers in spring.",
       "Least package refresh time 15 minutes."},
      "What did the cell cycle in Bergen do with the table, and what is the least cell refresh "
      "time?");
  EXPECT_TRUE(MayWrite("The colour of the first wheel is green."));
  // In front: what is green is the wheel.
  EXPECT_FALSE(MayWrite("The cell cycle is green."));
  EXPECT_FALSE(MayWrite("The cell cycle of the wheel is green."));
  // Between: of one thing it would say what is another's.
  EXPECT_TRUE(MayWrite("The miller sold flour to the farmers."));
  EXPECT_FALSE(MayWrite("The miller in Bergen is to the farmers."));
  EXPECT_FALSE(MayWrite("The least cell refresh time is 15 minutes."));
  // Behind: the rest of the source said to whom.
  EXPECT_FALSE(MayWrite("The miller sold flour to the table."));
  EXPECT_TRUE(MayWrite("The miller sold flour to farmers in spring at the table."));
}

TEST_F(InOrderTest, AQuestionsAndASourcesWordMakeNoNewName) {
  constraint_ = InOrderFrom(tokenizer_, {"It was the vaccine that Bergen sold in May."},
                            "What was the reported rate of shops in Bergen?");
  EXPECT_TRUE(MayWrite("The vaccine was sold in May."));
  EXPECT_FALSE(MayWrite("The vaccine rate was sold in May."));
  EXPECT_FALSE(MayWrite("The reported vaccine was sold in May."));
  EXPECT_TRUE(MayWrite("In Bergen, the vaccine was sold in May."));
  EXPECT_TRUE(MayWrite("In Bergen, vaccine was sold in May."));
}

TEST_F(InOrderTest, WhatIsAskedAboutIsSaidToBeWhatASourceTellsOfIt) {
  constraint_ = InOrderFrom(tokenizer_,
                            {"The team of the year grew old.", "Old pumps of the mill are red.",
                             "It was sold to farmers."},
                            "Which was the best pump of the old mill in Bergen?");
  // The source does not speak of the best pump.
  EXPECT_FALSE(MayWrite("The best pump was the team of the year."));
  EXPECT_FALSE(MayWrite("In Bergen, the team of the year grew old."));
  EXPECT_TRUE(MayWrite("The team of the year grew old."));
  // Half of it; whatever "It" is.
  EXPECT_TRUE(MayWrite("The best pumps of the mill are red."));
  EXPECT_FALSE(MayWrite("The best in Bergen is red."));
  EXPECT_TRUE(MayWrite("The best pump was sold to farmers."));
}

TEST_F(InOrderTest, WhoAsksIsNotSpokenOf) {
  constraint_ = InOrderFrom(tokenizer_, {"You can stop the mill and the wheel."},
                            "Can I stop the mill for our guests?");
  EXPECT_TRUE(MayWrite("You can stop the mill."));
  EXPECT_FALSE(MayWrite("I can stop the mill."));
  EXPECT_FALSE(MayWrite("You can stop our mill."));
}

TEST_F(InOrderTest, WhatBoundsANumberStaysWithIt) {
  constraint_ =
      InOrderFrom(tokenizer_,
                  {"Set the timer for up to 180 minutes.",
                   "The mill generally ground more than 12 sacks, and stood up in spring.",
                   "The age of millers varies between 14 and 18."},
                  "How do you use it?");
  EXPECT_TRUE(MayWrite("Set the timer for up to 180 minutes."));
  EXPECT_FALSE(MayWrite("Set the timer for 180 minutes."));
  EXPECT_TRUE(MayWrite("The age of millers varies between 14 and 18."));
  EXPECT_FALSE(MayWrite("The age of millers is 18."));
  EXPECT_TRUE(MayWrite("The mill generally ground more than 12 sacks."));
  EXPECT_FALSE(MayWrite("The mill generally ground 12 sacks."));
  EXPECT_FALSE(MayWrite("The mill ground more than 12 sacks.")) << "it does so generally";
}

TEST_F(InOrderTest, ANumberKeepsItsUnit) {
  constraint_ =
      InOrderFrom(tokenizer_,
                  {"The mill in Bergen grinds 12 million sacks in 6-8 weeks at 40 % of the "
                   "cost, 3 fewer."},
                  "What of the mill?");
  EXPECT_TRUE(MayWrite("The mill grinds 12 million sacks."));
  EXPECT_TRUE(MayWrite("It grinds sacks in 6-8 weeks."));
  EXPECT_FALSE(MayWrite("The mill grinds 12 sacks."));
  EXPECT_FALSE(MayWrite("The mill grinds million sacks."));
  EXPECT_FALSE(MayWrite("The mill grinds 12."));
  EXPECT_FALSE(MayWrite("It grinds sacks in 6 weeks."));
  EXPECT_FALSE(MayWrite("It grinds sacks in 8 weeks."));
  EXPECT_FALSE(MayWrite("It grinds sacks in 6-8 of the cost."));
  EXPECT_FALSE(MayWrite("It grinds sacks in weeks."));
}

TEST_F(InOrderTest, ASentenceMayEndWhereNothingThatLimitsIsLeft) {
  EXPECT_TRUE(constraint_->MayEndBehind(Bytes("Guests leave notes.txt")));
  EXPECT_FALSE(constraint_->MayEndBehind(Bytes("Guests leave notes.txt on the")));
  EXPECT_FALSE(constraint_->MayEndBehind(Bytes("Guests lea")));
  EXPECT_FALSE(constraint_->MayEndBehind(Bytes("The office lets rooms for 950 EUR")));
  EXPECT_FALSE(constraint_->MayEndBehind(Bytes("")));
}

TEST_F(InOrderTest, WordsAndMarksAreNotStrungTogether) {
  EXPECT_FALSE(MayWrite("The office is the office is the office, unless it is closed."));
  EXPECT_FALSE(MayWrite("Guests leave the of to a an on it notes.txt on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave it a it a notes.txt on the shelf."));
  EXPECT_FALSE(Follows("Guests leave notes.txt on the", ".")) << "an end behind a small word";
  EXPECT_FALSE(MayWrite("Guests leave \"notes.txt\" on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave - notes.txt on the shelf."));
  EXPECT_FALSE(MayWrite("Guests leave notes.txt on the  shelf."));
  EXPECT_FALSE(MayWrite("Guests leave version 3.5 on the shelf.."));
  EXPECT_TRUE(MayWrite("Guests leave version 3.5 on the well-known shelf."));
}

TEST_F(InOrderTest, TokensAreParts) {
  EXPECT_TRUE(Follows("It is in", " Ber"));
  EXPECT_TRUE(Follows("It is in Ber", "gen"));
  EXPECT_FALSE(Follows("It is in Bergen", "gen"));
  EXPECT_TRUE(Follows("Rooms for", " 9"));
  EXPECT_TRUE(Follows("Rooms for 9", "50"));
  EXPECT_FALSE(Follows("Rooms for 950", "50"));
  EXPECT_FALSE(Follows("Rooms for 9", " EUR")) << "950 was not ended";
  EXPECT_TRUE(Follows("Rooms for 950", " EUR"));
  EXPECT_TRUE(Follows("", "The"));
  EXPECT_FALSE(Follows("Guests leave", "The"));
  EXPECT_FALSE(Follows("Guests leave", 256)) << "a control token";
  EXPECT_FALSE(Follows("", 257)) << "an end before anything was said";
  EXPECT_TRUE(Follows("Guests leave", 257)) << "the model may give up";
  EXPECT_FALSE(Follows("Guests lea", 257));
}

// A word may be the question's or the source's: where both have the same forty, there are 2^40 ways
// to have said them. Followed one by one, this test would not end.
TEST_F(InOrderTest, AQuestionInTheSourcesWordsIsReadAsQuickly) {
  std::string same;
  for (int i = 0; i < 40; ++i)
    same += "word" + std::string(1, 'a' + i % 26) + std::string(1, 'a' + i / 26) + " ";
  constraint_ = InOrderFrom(tokenizer_, {same + "ends."}, same);
  EXPECT_TRUE(Follows(same + "end", 's'));
  EXPECT_TRUE(constraint_->MayEndBehind(Bytes(same + "ends")));
}

TEST_F(InOrderTest, WithoutSourcesTheAnswerEnds) {
  const auto nothing = InOrderFrom(tokenizer_, {}, "");
  std::vector<TokenId> written;
  for (int i = 0; i < 100; ++i) {
    const std::vector<TokenId> allowed = nothing->Allowed(written);
    ASSERT_FALSE(allowed.empty());
    if (allowed == std::vector<TokenId>{257}) return;
    written.push_back(allowed[0]);
  }
  FAIL() << "it goes on: " << tokenizer_.Decode(written, true);
}

// Whatever way is taken: what is neither small nor asked stands in one source in the same order.
TEST_F(InOrderTest, NoWayLeavesTheOrder) {
  const auto words_of = [](std::string text) {
    for (char& c : text) {
      if (std::string(",;:()'\"-?").find(c) != std::string::npos) c = ' ';
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
      if (word.ends_with('.')) word.pop_back();
      words.push_back(word.ends_with('s') ? word.substr(0, word.size() - 1) : word);
    }
    return words;
  };
  std::set<std::string> free;
  for (const char* text : {"a also an and are as at be for had has have he her his in into is it",
                           "its of on or she that the their they to was were which who whom whose",
                           "with you your does office bergen let guest"}) {
    for (const std::string& word : words_of(text)) free.insert(word);
  }
  std::mt19937 random(7);
  int sentences = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<TokenId> written;
    for (int step = 0; step < 120; ++step) {
      std::vector<TokenId> allowed = constraint_->Allowed(written);
      ASSERT_FALSE(allowed.empty());
      std::erase_if(allowed, [&](TokenId token) { return tokenizer_.IsControl(token); });
      if (allowed.empty()) break;
      written.push_back(allowed[random() % allowed.size()]);
    }
    std::string rest = tokenizer_.Decode(written, true);
    for (size_t end; (end = rest.find(". ")) != std::string::npos; rest.erase(0, end + 2)) {
      ++sentences;
      std::vector<std::string> said;
      for (const std::string& word : words_of(rest.substr(0, end))) {
        if (!free.contains(word)) said.push_back(word);
      }
      const auto holds = [&](std::string_view source) {
        const std::vector<std::string> there = words_of(std::string(source));
        auto at = there.begin();
        for (const std::string& word : said) {
          at = std::find(at, there.end(), word);
          if (at == there.end()) return false;
          ++at;
        }
        return true;
      };
      EXPECT_TRUE(holds(kHouse) || holds(kGuests)) << rest.substr(0, end);
    }
  }
  EXPECT_GT(sentences, 20);
}

}  // namespace
}  // namespace footnote::generator
