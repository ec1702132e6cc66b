// all-MiniLM-L6-v2 against sentence-transformers in float32.

#include <gtest/gtest.h>

#include "generator/engine.h"
#include "generator/model.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::Cosine;
using footnote::testing::GoldenFloats;
using footnote::testing::GoldenLines;

TEST(MiniLm, VectorsAreThoseOfSentenceTransformers) {
  const auto path = footnote::testing::CachedModel("all-minilm-l6-v2");
  if (path.empty()) GTEST_SKIP() << "the model is not in the cache: run tools/fetch_models.sh";
  std::vector<std::string> texts;
  for (const auto& row : GoldenLines("minilm_texts.jsonl")) texts.push_back(row["text"]);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const std::vector<float> want = GoldenFloats("minilm_vectors.f32");
  ASSERT_EQ(want.size(), texts.size() * 384);
  // The smallest cosines over these texts, many of them a few odd characters: 1 to seven digits for
  // fast and exact, 0.99996 for bf16, 0.9978 for int8.
  for (const auto& [precision, least] : {std::pair(kernels::Precision::kFast, 0.999999),
                                         {kernels::Precision::kExact, 0.999999},
                                         {kernels::Precision::kBf16, 0.9999},
                                         {kernels::Precision::kInt8, 0.997}}) {
    SCOPED_TRACE(kernels::PrecisionName(precision));
    ModelOptions options;
    options.precision = precision;
    ASSERT_OK_AND_ASSIGN(auto model, Model::Load(path, options));
    EXPECT_EQ(model->info().kind, ModelKind::kEncoder);
    ASSERT_OK_AND_ASSIGN(const auto embedder,
                         MakeEmbedder(model, "", {.parse_control_tokens = true}));
    EXPECT_EQ(embedder->max_tokens(), 256);
    EXPECT_EQ(embedder->name(), "all-minilm-l6-v2");
    const auto vectors = embedder->Embed(views, TextRole::kPassage, CallContext());
    ASSERT_OK(vectors);
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::span<const float> golden(want.data() + i * 384, 384);
      EXPECT_GE(Cosine(vectors->row(i), golden), least) << texts[i];
    }
    // As a service embeds: what looks like a control token is text.
    ASSERT_OK_AND_ASSIGN(const auto plain, MakeEmbedder(model, ""));
    const auto as_data = plain->Embed(views, TextRole::kPassage, CallContext());
    ASSERT_OK(as_data);
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::span<const float> golden(want.data() + i * 384, 384);
      const bool lookalike = texts[i].find("[SEP]") != std::string::npos;
      EXPECT_EQ(Cosine(as_data->row(i), golden) >= least, !lookalike) << texts[i];
    }
  }
}

}  // namespace
}  // namespace footnote::generator
