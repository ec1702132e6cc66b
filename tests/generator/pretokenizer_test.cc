#include "generator/tokenizers/pretokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using nlohmann::json;

std::vector<size_t> Lengths(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<size_t> lengths;
  size_t sum = 0;
  for (const Word& word : pre_tokenizer.Split(text, /*first=*/true).words) {
    lengths.push_back(word.text.size());
    sum += word.text.size();
  }
  EXPECT_EQ(sum, text.size());
  return lengths;
}

PreTokenizer Named(std::string_view name) {
  StatusOr<NamedPreTokenizer> named = PreTokenizerByName(name);
  EXPECT_OK(named);
  return named.ok() ? std::move(named->pre_tokenizer) : PreTokenizer();
}

std::vector<std::string> Words(const json& steps, std::string_view text) {
  const StatusOr<PreTokenizer> pre_tokenizer = PreTokenizer::FromJson(steps);
  EXPECT_OK(pre_tokenizer);
  std::vector<std::string> words;
  if (!pre_tokenizer.ok()) return words;
  const WordList list = pre_tokenizer->Split(text, /*first=*/true);
  for (const Word& word : list.words) words.emplace_back(word.text);
  return words;
}

TEST(PreTokenizer, SplitsAsThePublishedPatternsDo) {
  std::ifstream file(DataDir() / "goldens/pretokenizer_splits.jsonl");
  int rows = 0;
  int lists = 0;
  std::map<std::string, PreTokenizer> known;
  for (std::string line; std::getline(file, line); ++rows) {
    const json row = json::parse(line);
    const std::string text = row["text"];
    for (const auto& [name, value] : row.items()) {
      if (name == "text") continue;
      const json& expected = value.is_number() ? row["gpt-2"] : value;
      if (!known.contains(name)) known[name] = Named(name);
      EXPECT_EQ(Lengths(known[name], text), expected.get<std::vector<size_t>>())
          << name << ": " << row["text"];
      ++lists;
    }
  }
  EXPECT_GT(rows, 600);
  EXPECT_GT(lists, 4000);
  EXPECT_EQ(known.size(), 11u);
}

TEST(PreTokenizer, ContractionsIgnoreCaseAsTheirPatternsDo) {
  const PreTokenizer gpt2 = Named("gpt-2");
  const PreTokenizer llama3 = Named("llama-bpe");
  EXPECT_EQ(Lengths(gpt2, "it's"), (std::vector<size_t>{2, 2}));
  EXPECT_EQ(Lengths(gpt2, "IT'S"), (std::vector<size_t>{2, 1, 1}));
  EXPECT_EQ(Lengths(llama3, "IT'S"), (std::vector<size_t>{2, 2}));
  EXPECT_EQ(Lengths(llama3, "it'\u017F"), (std::vector<size_t>{2, 3})) << "the long s";
  EXPECT_EQ(Lengths(llama3, "we'LL"), (std::vector<size_t>{2, 3}));
  EXPECT_EQ(Lengths(llama3, "'lx"), (std::vector<size_t>{3})) << "no contraction";
}

TEST(PreTokenizer, LongRunsTakeTimeInProportion) {
  // Quadratic, each would take minutes.
  const std::string spaces(200000, ' ');
  const std::string letters(200000, 'a');
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "qwen35", "smollm", "falcon", "gpt-4o",
                           "tekken", "deepseek-coder", "deepseek-llm", "deepseek-v3"}) {
    const PreTokenizer pre_tokenizer = Named(name);
    if (std::string_view(name) != "deepseek-coder") {
      EXPECT_EQ(Lengths(pre_tokenizer, spaces).size(), 1u) << name;
    }
    EXPECT_EQ(Lengths(pre_tokenizer, letters).size(), 1u) << name;
    for (const char* unit : {"A", "\u02B0A", "\u0301", "'", "\r", " \n", "1", "\u4E2D"}) {
      std::string text = spaces + "x";
      for (int i = 0; i < 50000; ++i) text += unit;
      EXPECT_GT(Lengths(pre_tokenizer, text).size(), 1u) << name;
    }
  }
}

TEST(PreTokenizer, MatchesJoinTheirNeighboursAsTheBehaviorSays) {
  const auto split = [](const char* behavior, bool invert = false) {
    return Words({{"type", "Split"},
                  {"pattern", {{"Regex", "[.-]"}}},
                  {"behavior", behavior},
                  {"invert", invert}},
                 "-a--b.");
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(split("Isolated"), (List{"-", "a", "-", "-", "b", "."}));
  EXPECT_EQ(split("Removed"), (List{"a", "b"}));
  EXPECT_EQ(split("Contiguous"), (List{"-", "a", "--", "b", "."}));
  EXPECT_EQ(split("MergedWithPrevious"), (List{"-", "a-", "-", "b."}));
  EXPECT_EQ(split("MergedWithNext"), (List{"-a", "-", "-b", "."}));
  EXPECT_EQ(split("Removed", /*invert=*/true), (List{"-", "-", "-", "."}));
}

TEST(PreTokenizer, MetaspacePutsItsMarkWhereItsSchemeSays) {
  const auto words = [](const json& options, std::string_view text) {
    json step = {{"type", "Metaspace"}, {"replacement", "_"}};
    step.update(options);
    return Words(step, text);
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(words(json::object(), "a b"), (List{"_a", "_b"}));
  EXPECT_EQ(words(json::object(), " a"), (List{"_a"})) << "one mark is enough";
  EXPECT_EQ(words({{"prepend_scheme", "never"}}, "a b"), (List{"a", "_b"}));
  EXPECT_EQ(words({{"add_prefix_space", false}}, "a b"), (List{"a", "_b"})) << "the older name";
  EXPECT_EQ(words({{"split", false}}, "a b"), (List{"_a_b"}));
  ASSERT_OK_AND_ASSIGN(
      const PreTokenizer first,
      PreTokenizer::FromJson(
          {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}}));
  EXPECT_EQ(first.Split("a", /*first=*/true).words.at(0).text, "_a");
  EXPECT_EQ(first.Split("a", /*first=*/false).words.at(0).text, "a");
}

TEST(PreTokenizer, StepsAfterBytesSeeBytes) {
  // U+00B2's second byte is 0xB2, whose letter is U+00B2: a number of its own.
  const json steps = {{"type", "Sequence"},
                      {"pretokenizers",
                       {{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}},
                        {{"type", "Digits"}, {"individual_digits", true}}}}};
  EXPECT_EQ(Words(steps, "a\u0172"), (std::vector<std::string>{"a\xC5", "\xB2"}));
}

TEST(PreTokenizer, ExpressionsOfOneClassAreRead) {
  const auto split = [](const char* expression, std::string_view text) {
    return Words(
        {{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}}, text);
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(split("\\p{N}{1,3}", "12345a"), (List{"123", "45", "a"}));
  EXPECT_EQ(split("[0-9][0-9]", "12345"), (List{"12", "34", "5"}));
  EXPECT_EQ(split("[^a-c\\s]+", "ab xy z"), (List{"ab ", "xy", " ", "z"}));
  EXPECT_EQ(split("\\s?[\u3000-\u3002]+", " \u3000\u3000a"), (List{" \u3000\u3000", "a"}));
  EXPECT_EQ(split("\\s?[\u3000-\u3002]+", "\u3000a"), (List{"\u3000", "a"}))
      << "what may stand before can be what must follow";
  for (const char* unknown : {"a|b", "(a)", "a*", "[z-a]", "\\p{Greek}+", "a+b", "[a", "a{0}", "",
                              "\\d+", "[a]++", "[a-z&&[b]]", "."}) {
    EXPECT_STATUS(
        PreTokenizer::FromJson(
            {{"type", "Split"}, {"pattern", {{"Regex", unknown}}}, {"behavior", "Isolated"}}),
        kUnimplemented, "regular expression");
  }
}

TEST(PreTokenizer, UnknownOnesAreRefusedWithTheNamesThatAreKnown) {
  EXPECT_STATUS(PreTokenizerByName("default"), kUnimplemented, "\"default\" is not supported");
  EXPECT_STATUS(PreTokenizerByName("default"), kUnimplemented, "smollm");
  EXPECT_STATUS(PreTokenizer::FromJson({{"type", "UnicodeScripts"}}), kUnimplemented,
                "\"UnicodeScripts\"");
}

}  // namespace
}  // namespace footnote::generator
