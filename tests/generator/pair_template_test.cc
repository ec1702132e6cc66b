// How pairs of texts are joined, as post-processors of tokenizer.json say it.

#include "generator/runtime/pair_template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::TempDir;
using nlohmann::json;
using Kind = PairTemplate::Piece::Kind;

class PairTemplateTest : public ::testing::Test {
 protected:
  StatusOr<PairTemplate> Read(const json& processor) {
    json tokenizer;
    std::ifstream(DataDir() / "models" / "tiny-bert" / "tokenizer.json") >> tokenizer;
    tokenizer["post_processor"] = processor;
    std::ofstream(folder_ / "tokenizer.json") << tokenizer;
    FOOTNOTE_ASSIGN_OR_RETURN(const auto loaded,
                              Tokenizer::Load(DataDir() / "models" / "tiny-bert"));
    return ReadPairTemplate(folder_.path(), *loaded);
  }

  // "2 A 3 B:1 3:1": ids and texts with their types.
  static std::string Text(const PairTemplate& pair) {
    std::string text;
    for (const PairTemplate::Piece& piece : pair.pieces) {
      text += text.empty() ? "" : " ";
      text += piece.kind == Kind::kSpecial     ? std::to_string(piece.id)
              : piece.kind == Kind::kFirstText ? "A"
                                               : "B";
      if (piece.type != 0) text += ":" + std::to_string(piece.type);
    }
    return text;
  }

  TempDir folder_;
};

TEST_F(PairTemplateTest, ReadsEveryProcessorThatJoins) {
  const json bert = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  json roberta = bert;
  roberta["type"] = "RobertaProcessing";
  ASSERT_OK_AND_ASSIGN(PairTemplate pair, Read(bert));
  EXPECT_EQ(Text(pair), "2 A 3 B:1 3:1");
  EXPECT_EQ(pair.special_tokens(), 3u);
  ASSERT_OK_AND_ASSIGN(pair, Read(roberta));
  EXPECT_EQ(Text(pair), "2 A 3 3 B 3");
  EXPECT_EQ(pair.special_tokens(), 4u);
  ASSERT_OK_AND_ASSIGN(
      pair, Read({{"type", "Sequence"}, {"processors", {{{"type", "ByteLevel"}}, roberta}}}));
  EXPECT_EQ(Text(pair), "2 A 3 3 B 3");
  ASSERT_OK_AND_ASSIGN(pair, Read(json::parse(R"({"type": "TemplateProcessing",
      "single": [], "pair": [{"Sequence": {"id": "B", "type_id": 1}},
                             {"SpecialToken": {"id": "x", "type_id": 2}},
                             {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"x": {"id": "x", "ids": [4, 1], "tokens": ["a", "b"]}}})")));
  EXPECT_EQ(Text(pair), "B:1 4:2 1:2 A");
}

TEST_F(PairTemplateTest, SaysWhatIsWrong) {
  EXPECT_STATUS(Read(nullptr), kUnimplemented, "post-processor");
  EXPECT_STATUS(Read({{"type", "ByteLevel"}}), kUnimplemented, "post-processor");
  EXPECT_STATUS(Read({{"type", "BertProcessing"}, {"sep", {"[SEP]", 1 << 20}}, {"cls", {"", 2}}}),
                kDataLoss, "damaged");
  EXPECT_STATUS(Read({{"type", "RobertaProcessing"}, {"sep", 3}}), kDataLoss, "damaged");
  EXPECT_STATUS(Read(json::parse(R"({"type": "TemplateProcessing", "special_tokens": {},
                                     "pair": [{"Sequence": {"id": "A"}}]})")),
                kDataLoss, "damaged");
  EXPECT_STATUS(Read(json::parse(R"({"type": "TemplateProcessing", "special_tokens": {},
      "pair": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "?"}},
               {"Sequence": {"id": "B"}}]})")),
                kDataLoss, "damaged");
}

}  // namespace
}  // namespace footnote::generator
