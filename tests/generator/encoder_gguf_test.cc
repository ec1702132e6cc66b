// The tiny encoders' weights under the names, keys and cuts of llama.cpp's converter give the
// vectors that their folders give.

#include <gtest/gtest.h>

#include <fstream>

#include "generator/arch/network.h"
#include "generator/weights/weight_source.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::GgufBuilder;
using footnote::testing::RelativeError;
using footnote::testing::TempDir;

using Renames = std::vector<std::pair<std::string, std::string>>;

// GGUF's numbers of formats.
uint32_t TypeNumber(kernels::DType dtype) {
  return dtype == kernels::DType::kF32 ? 0 : dtype == kernels::DType::kF16 ? 1 : 30;
}

// Adds a folder's tensors whose names contain none of `without`; rows before `cut` of the table of
// positions are left out.
void AddTensors(const WeightSource& source, const Renames& renames,
                const std::vector<std::string>& without, int64_t cut, GgufBuilder& builder) {
  for (const StoredTensor& tensor : source.tensors()) {
    std::string name = tensor.name;
    const auto found = [&name](const std::string& part) {
      return name.find(part) != std::string::npos;
    };
    if (std::ranges::any_of(without, found)) continue;
    for (const auto& [from, to] : renames) {
      if (const size_t at = name.find(from); at != std::string::npos) {
        name.replace(at, from.size(), to);
      }
    }
    std::vector<uint64_t> dimensions(tensor.shape.rbegin(), tensor.shape.rend());
    std::string_view bytes(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    if (name == "position_embd.weight") {
      bytes.remove_prefix(bytes.size() / dimensions[1] * static_cast<size_t>(cut));
      dimensions[1] -= static_cast<uint64_t>(cut);
    }
    // As the converter leaves a table of one row.
    if (name == "token_types.weight" && dimensions[1] == 1) dimensions.pop_back();
    builder.Tensor(name, dimensions, TypeNumber(tensor.dtype), bytes);
  }
}

struct Opened {
  std::unique_ptr<WeightSource> source;
  Network network;
};

StatusOr<Opened> Open(const std::filesystem::path& path) {
  Opened opened;
  FOOTNOTE_ASSIGN_OR_RETURN(opened.source, OpenWeights(path));
  FOOTNOTE_ASSIGN_OR_RETURN(opened.network, BuildNetwork(*opened.source));
  return opened;
}

StatusOr<std::vector<float>> Run(const Opened& model, bool classify) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const auto context,
      kernels::Context::Create(nullptr, kernels::Isa::kPlain, kernels::Precision::kExact));
  EncoderBatch batch;
  for (TokenId id = 0; id < 40; ++id) batch.ids.push_back(5 + id * 7 % 280);
  batch.offsets = {0, 31, 40};
  const Encoder& encoder = *model.network.encoder;
  const int64_t columns =
      classify ? static_cast<int64_t>(encoder.labels().size()) : encoder.output_width();
  std::vector<float> out(static_cast<size_t>(2 * columns));
  Workspace workspace;
  const auto to = kernels::Matrix::Of(out.data(), 2, columns);
  FOOTNOTE_RETURN_IF_ERROR(classify ? encoder.Classify(*context, workspace, batch, to)
                                    : encoder.Forward(*context, workspace, batch, to));
  return out;
}

void ExpectSame(const std::string& name, const GgufBuilder& builder, bool classify) {
  TempDir folder;
  std::ofstream(folder / "model.gguf", std::ios::binary) << builder.Build();
  ASSERT_OK_AND_ASSIGN(const Opened gguf, Open(folder / "model.gguf"));
  ASSERT_OK_AND_ASSIGN(const Opened original, Open(DataDir() / "models" / name));
  for (const bool scores : {false, true}) {
    if (scores && !classify) continue;
    ASSERT_OK_AND_ASSIGN(const std::vector<float> got, Run(gguf, scores));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> want, Run(original, scores));
    EXPECT_LE(RelativeError(got, want), 1e-6);
  }
}

const Renames kBert = {{"roberta.", ""},
                       {"embeddings.word_embeddings", "token_embd"},
                       {"embeddings.token_type_embeddings", "token_types"},
                       {"embeddings.position_embeddings", "position_embd"},
                       {"embeddings.LayerNorm", "token_embd_norm"},
                       {"encoder.layer.", "blk."},
                       {"attention.self.query", "attn_q"},
                       {"attention.self.key", "attn_k"},
                       {"attention.self.value", "attn_v"},
                       {"attention.output.dense", "attn_output"},
                       {"attention.output.LayerNorm", "attn_output_norm"},
                       {"intermediate.dense", "ffn_up"},
                       {"output.dense", "ffn_down"},
                       {"output.LayerNorm", "layer_output_norm"},
                       {"classifier.dense", "cls"},
                       {"classifier.out_proj", "cls.output"}};

GgufBuilder XlmrBuilder(const WeightSource& source, const std::vector<std::string>& without) {
  GgufBuilder builder;
  builder.String("general.architecture", "bert")
      .Uint32("bert.block_count", 1)
      .Uint32("bert.embedding_length", 48)
      .Uint32("bert.feed_forward_length", 40)
      .Uint32("bert.attention.head_count", 3)
      .Uint32("bert.context_length", 62)
      .Number<float>("bert.attention.layer_norm_epsilon", 6, 1e-5f)
      .Bool("bert.attention.causal", false)
      .Uint32("bert.pooling_type", 2)
      .Strings("bert.classifier.output_labels", {"relevant"});
  AddTensors(source, kBert, without, 2, builder);
  return builder;
}

TEST(EncoderGguf, XlmrHasItsPositionsCutAndItsHead) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models" / "tiny-xlmr-reranker"));
  ExpectSame("tiny-xlmr-reranker", XlmrBuilder(*source, {}), /*classify=*/true);
  TempDir folder;
  std::ofstream(folder / "a.gguf", std::ios::binary) << XlmrBuilder(*source, {}).Build();
  ASSERT_OK_AND_ASSIGN(const Opened opened, Open(folder / "a.gguf"));
  EXPECT_EQ(opened.network.encoder->labels().front(), "relevant");
  EXPECT_EQ(opened.network.encoder->max_tokens(), 62);
}

// Of a BertForSequenceClassification the converter keeps the last matrix alone, which means
// nothing.
TEST(EncoderGguf, AHeadWithoutItsFirstLayerIsNone) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models" / "tiny-xlmr-reranker"));
  TempDir folder;
  std::ofstream(folder / "a.gguf", std::ios::binary)
      << XlmrBuilder(*source, {"classifier.dense"}).Build();
  ASSERT_OK_AND_ASSIGN(const Opened opened, Open(folder / "a.gguf"));
  EXPECT_TRUE(opened.network.encoder->labels().empty());
}

TEST(EncoderGguf, ModernBertHasItsWindowsAndItsHead) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models" / "tiny-modernbert"));
  GgufBuilder builder;
  builder.String("general.architecture", "modern-bert")
      .Uint32("modern-bert.block_count", 5)
      .Uint32("modern-bert.embedding_length", 36)
      .Uint32("modern-bert.feed_forward_length", 24)
      .Uint32("modern-bert.attention.head_count", 3)
      .Uint32("modern-bert.context_length", 64)
      .Uint32("modern-bert.attention.sliding_window", 12)
      .Number<float>("modern-bert.rope.freq_base", 6, 160000)
      .Number<float>("modern-bert.rope.freq_base_swa", 6, 10000)
      .String("modern-bert.rope.scaling.type", "none")
      .Number<float>("modern-bert.attention.layer_norm_rms_epsilon", 6, 1e-5f)
      .Bool("modern-bert.attention.causal", false)
      .Uint32("modern-bert.pooling_type", 1)
      .Uint32("modern-bert.classifier.pooling_type", 1)
      .String("modern-bert.hidden_activation", "gelu");
  AddTensors(*source,
             {{"model.", ""},
              {"embeddings.tok_embeddings", "token_embd"},
              {"embeddings.norm", "token_embd_norm"},
              {"final_norm", "output_norm"},
              {"layers.", "blk."},
              {"attn.Wqkv", "attn_qkv"},
              {"attn.Wo", "attn_output"},
              {"mlp_norm", "ffn_norm"},
              {"mlp.Wi", "ffn_up"},
              {"mlp.Wo", "ffn_down"},
              {"head.dense", "cls"},
              {"head.norm", "cls.norm"},
              {"classifier", "cls.output"}},
             {}, 0, builder);
  ExpectSame("tiny-modernbert", builder, /*classify=*/true);
}

TEST(EncoderGguf, NomicHasItsRotationAndItsGate) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models" / "tiny-nomic"));
  GgufBuilder builder;
  builder.String("general.architecture", "nomic-bert")
      .Uint32("nomic-bert.block_count", 2)
      .Uint32("nomic-bert.embedding_length", 48)
      .Uint32("nomic-bert.feed_forward_length", 40)
      .Uint32("nomic-bert.attention.head_count", 3)
      .Uint32("nomic-bert.context_length", 64)
      .Uint32("nomic-bert.attention.key_length", 16)
      .Number<float>("nomic-bert.rope.freq_base", 6, 1000)
      .Number<float>("nomic-bert.attention.layer_norm_epsilon", 6, 1e-12f)
      .Bool("nomic-bert.attention.causal", false)
      .Uint32("nomic-bert.pooling_type", 1);
  AddTensors(*source,
             {{"embeddings.word_embeddings", "token_embd"},
              {"embeddings.token_type_embeddings", "token_types"},
              {"emb_ln", "token_embd_norm"},
              {"encoder.layers.", "blk."},
              {"attn.Wqkv", "attn_qkv"},
              {"attn.out_proj", "attn_output"},
              {"norm1", "attn_output_norm"},
              {"norm2", "layer_output_norm"},
              {"mlp.fc11", "ffn_up"},
              {"mlp.fc12", "ffn_gate"},
              {"mlp.fc2", "ffn_down"}},
             {"pooler."}, 0, builder);
  ExpectSame("tiny-nomic", builder, /*classify=*/false);
}

}  // namespace
}  // namespace footnote::generator
