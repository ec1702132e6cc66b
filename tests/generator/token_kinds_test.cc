// Small tokenizers of every kind against Hugging Face `tokenizers`
// (tools/goldens/token_kind_goldens.py).
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "generator/tokenizer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::TempDir;
using nlohmann::json;

std::vector<json> Rows() {
  std::ifstream file(DataDir() / "goldens/token_kinds.jsonl");
  std::vector<json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

TEST(TokenKinds, EncodeAndDecodeAsHuggingFaceDoes) {
  const std::vector<json> rows = Rows();
  ASSERT_GT(rows.size(), 90u);
  for (const char* kind :
       {"roberta", "llama-spm-legacy", "llama-spm-first", "gemma-spm", "unigram-xlm-r",
        "unigram-bytes", "wordpiece-accents", "step-nfd-accents", "step-nfkd-digits",
        "step-nfkc-punctuation", "step-punctuation-previous"}) {
    SCOPED_TRACE(kind);
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, Tokenizer::Load(DataDir() / "tokenizers" / kind));
    for (const json& row : rows) {
      const std::string text = row["text"];
      const auto ids = row[kind].get<std::vector<TokenId>>();
      EXPECT_EQ(tokenizer->Encode(text, {.add_special = true, .parse_special = true}), ids)
          << row["text"];
      EXPECT_EQ(tokenizer->DecodeWhole(ids, /*skip_special=*/true),
                row.value(std::string(kind) + ">", text))
          << row["text"];
    }
  }
}

TEST(TokenKinds, SentencePieceModelsGiveTheirLibrarysIds) {
  for (const char* kind : {"sentencepiece-bpe", "sentencepiece-unigram"}) {
    SCOPED_TRACE(kind);
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, Tokenizer::Load(DataDir() / "tokenizers" / kind));
    int compared = 0;
    for (const json& row : Rows()) {
      if (!row.contains(kind)) continue;
      ++compared;
      EXPECT_EQ(tokenizer->Encode(row["text"].get<std::string>(),
                                  {.add_special = false, .parse_special = true}),
                row[kind].get<std::vector<TokenId>>())
          << row["text"];
    }
    EXPECT_GT(compared, 80);
  }
}

TEST(TokenKinds, AFolderSaysHowItsSentencePieceModelIsUsed) {
  TempDir dir;
  std::filesystem::copy_file(DataDir() / "tokenizers/sentencepiece-bpe/tokenizer.model",
                             dir / "tokenizer.model");
  const auto load = [&](const json& config) {
    std::ofstream(dir / "tokenizer_config.json") << config;
    return Tokenizer::Load(dir.path());
  };
  ASSERT_OK_AND_ASSIGN(const auto plain, load(json::object()));
  const TokenId bos = *plain->Find("<s>");
  EXPECT_EQ(plain->bos(), bos);
  EXPECT_EQ(plain->Encode("a", {}).front(), bos) << "Llama's habit";
  EXPECT_EQ(plain->end_of_generation().size(), 1u);
  EXPECT_EQ(plain->end_of_generation()[0], plain->Find("</s>"));
  const std::vector<TokenId> bare = plain->Encode("a", {.add_special = false});

  ASSERT_OK_AND_ASSIGN(
      const auto other,
      load({{"add_bos_token", false}, {"add_eos_token", true}, {"legacy", false}}));
  std::vector<TokenId> closed = bare;
  closed.push_back(*plain->Find("</s>"));
  EXPECT_EQ(other->Encode("a", {}), closed);
  const TokenizeOptions parsed{.add_special = false, .parse_special = true};
  EXPECT_EQ(plain->Decode(plain->Encode("</s>a", parsed), false), "</s> a");
  EXPECT_EQ(other->Decode(other->Encode("</s>a", parsed), false), "</s>a")
      << "no mark but at the beginning of a text";

  const int32_t size = plain->vocabulary_size();
  ASSERT_OK_AND_ASSIGN(
      const auto more,
      load({{"added_tokens_decoder",
             {{std::to_string(size), {{"content", "[INST]"}, {"special", true}}}}}}));
  EXPECT_EQ(more->vocabulary_size(), size + 1);
  EXPECT_EQ(more->Encode("[INST]", parsed), std::vector<TokenId>{size});
  EXPECT_GT(more->Encode("[INST]", {.add_special = false}).size(), 1u);
  EXPECT_STATUS(load({{"added_tokens_decoder", {{"x", {{"content", "[INST]"}}}}}}), kDataLoss,
                "\"x\"");
}

TEST(TokenKinds, DamagedSentencePieceModelsAreRefusedOrRead) {
  std::ifstream file(DataDir() / "tokenizers/sentencepiece-unigram/tokenizer.model",
                     std::ios::binary);
  const std::string model((std::istreambuf_iterator<char>(file)), {});
  TempDir dir;
  const auto load = [&](const std::string& bytes) {
    std::ofstream(dir / "tokenizer.model", std::ios::binary) << bytes;
    return Tokenizer::Load(dir / "tokenizer.model");
  };
  EXPECT_STATUS(load(model.substr(0, model.size() / 2)), kDataLoss, "ends inside");
  EXPECT_STATUS(load("\x0B"), kDataLoss, "no SentencePiece model");
  EXPECT_STATUS(load("\x12\x02\x18\x03"), kDataLoss, "no pieces");
  unsigned state = 7;
  for (int round = 0; round < 200; ++round) {
    std::string mutated = model;
    for (int change = 0; change < 4; ++change) {
      state = state * 1664525u + 1013904223u;
      mutated[(state >> 8) % mutated.size()] = static_cast<char>(state >> 3);
    }
    const auto tokenizer = load(mutated);
    if (tokenizer.ok()) (void)(*tokenizer)->Encode("e\u0301 a\uFF21\u2460 the tenant\n", {});
  }
}

// A charsmap whose array or replacements point outside is read as having no such entry.
TEST(TokenKinds, ADamagedCharacterMapIsRefusedOrRead) {
  std::ifstream file(DataDir() / "tokenizers/unigram-xlm-r/tokenizer.json");
  const json good = json::parse(file);
  TempDir dir;
  const auto load = [&](const std::string& map) {
    json changed = good;
    changed["normalizer"]["precompiled_charsmap"] = map;
    std::ofstream(dir / "tokenizer.json") << changed;
    return Tokenizer::Load(dir.path());
  };
  EXPECT_STATUS(load("*"), kDataLoss, "base64");
  EXPECT_STATUS(load("AAA="), kDataLoss, "no length");
  EXPECT_STATUS(load("AQAAAAAAAAA="), kDataLoss, "1 bytes");
  EXPECT_STATUS(load("/////wAAAAA="), kDataLoss, "4294967295 bytes");
  const std::string map = good["normalizer"]["precompiled_charsmap"];
  for (size_t at = 8; at < std::min<size_t>(map.size(), 2000); at += 7) {
    std::string mutated = map;
    mutated[at] = mutated[at] == 'z' ? 'A' : 'z';
    const auto tokenizer = load(mutated);
    if (tokenizer.ok()) (void)(*tokenizer)->Encode("e\u0301 a\uFF21\u2460\uFB01\u00BD", {});
  }
}

TEST(TokenKinds, LongTextsTakeTimeInProportion) {
  // Quadratic, each would take minutes.
  for (const char* kind : {"llama-spm-first", "gemma-spm", "unigram-xlm-r", "wordpiece-accents",
                           "sentencepiece-bpe"}) {
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, Tokenizer::Load(DataDir() / "tokenizers" / kind));
    for (const char* unit : {"a", " ", "\u2581", "\u0301", "\U0001F600"}) {
      std::string text;
      for (int i = 0; i < 200000; ++i) text += unit;
      EXPECT_LE(tokenizer->Encode(text, {}).size(), 2 * text.size()) << kind;
    }
  }
}

}  // namespace
}  // namespace footnote::generator
