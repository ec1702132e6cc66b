// A tiny random model of every architecture that writes text, as Hugging Face folder and as GGUF,
// against what Hugging Face computes in float32. A new folder tests/data/models/arch-NAME with its
// goldens is tested without a line here; tools/goldens/tiny_architectures.py makes both.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "generator/engine.h"
#include "generator/model.h"
#include "generator/runtime/loaded_model.h"
#include "tests/testing/decoder_passes.h"
#include "tests/testing/emulated_gpu.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;

using footnote::testing::DataDir;
using footnote::testing::GoldenFloats;
using footnote::testing::GoldenLines;
using footnote::testing::LogitsInChunks;
using footnote::testing::TempDir;
using nlohmann::json;

// Of a position's logits, in L2. The two kinds of GELU are 2e-4 apart, a wrong norm epsilon moves
// logits by 2e-5 to 5e-5, Hugging Face lies 1e-6 from float64.
constexpr double kTolerance = 2e-5;
// Greedy tokens are compared up to the first step whose two best logits are closer.
constexpr double kMargin = 0.01;

std::vector<std::string> Fixtures() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(DataDir() / "models")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("arch-")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Architectures : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    runs_ = GoldenLines(GetParam() + ".jsonl");
    rows_ = GoldenFloats(GetParam() + ".logits.f32");
    ASSERT_FALSE(runs_.empty()) << "no goldens of " << GetParam();
  }

  // What a run reads: a file of the folder, or the folder with another config.json.
  fs::path PathOf(const json& run) {
    const fs::path folder = DataDir() / "models" / GetParam();
    const std::string file = run["path"];
    if (!file.empty()) return folder / file;
    if (run["config"].empty()) return folder;
    const fs::path changed = scratch_ / fs::path("variant" + std::to_string(variants_++));
    fs::create_directory(changed);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename() == "config.json") continue;
      fs::create_symlink(fs::absolute(entry.path()), changed / entry.path().filename());
    }
    std::ifstream in(folder / "config.json");
    json config = json::parse(in);
    for (const auto& [path, value] : run["config"].items()) {
      std::string pointer = "/" + path;
      std::replace(pointer.begin(), pointer.end(), '.', '/');
      config[json::json_pointer(pointer)] = value;  // null counts as absent
    }
    std::ofstream(changed / "config.json") << config;
    return changed;
  }

  std::shared_ptr<const LoadedModel> Load(const fs::path& path, kernels::Precision precision,
                                          std::optional<kernels::Isa> isa = std::nullopt) {
    ModelOptions options;
    options.precision = precision;
    options.threads = 2;
    options.isa = isa;
    const auto model = LoadedModel::Load(path, options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }

  // The largest relative L2 error of a position's logits.
  double Worst(std::span<const float> logits, const json& run, size_t vocabulary) {
    const size_t rows = run["ids"].size();
    const size_t first = run["first_row"];
    EXPECT_EQ(logits.size(), rows * vocabulary);
    if (logits.size() != rows * vocabulary) return 1;
    double worst = 0;
    for (size_t row = 0; row < rows; ++row) {
      double error = 0;
      double size = 0;
      for (size_t i = 0; i < vocabulary; ++i) {
        const double want = rows_.at((first + row) * vocabulary + i);
        const double difference = logits[row * vocabulary + i] - want;
        error += difference * difference;
        size += want * want;
      }
      // A comparison with a NaN is false, which must not pass for equal.
      const double relative = std::sqrt(error / size);
      worst = std::isnan(relative) ? std::numeric_limits<double>::infinity()
                                   : std::max(worst, relative);
    }
    return worst;
  }

  std::vector<json> runs_;
  std::vector<float> rows_;
  TempDir scratch_;
  int variants_ = 0;
};

TEST_P(Architectures, GiveHuggingFacesLogitsAtEveryPosition) {
  for (const json& run : runs_) {
    const fs::path path = PathOf(run);
    SCOPED_TRACE(run["path"].dump() + " " + run["config"].dump());
    for (const kernels::Isa isa : kernels::SupportedIsas()) {
      const auto model = Load(path, kernels::Precision::kExact, isa);
      ASSERT_NE(model, nullptr);
      const auto logits = model->Logits(run["ids"].get<std::vector<TokenId>>());
      ASSERT_OK(logits);
      const auto vocabulary = static_cast<size_t>(model->info().vocabulary_size);
      EXPECT_LE(Worst(*logits, run, vocabulary), kTolerance) << kernels::IsaName(isa);
    }
  }
}

// The GPU's block with its kernels emulated on the host; they have tests of their own.
TEST_P(Architectures, GiveThemOnAGpuToo) {
  for (const json& run : runs_) {
    SCOPED_TRACE(run["path"].dump() + " " + run["config"].dump());
    ModelOptions options;
    options.precision = kernels::Precision::kExact;
    options.threads = 1;
    options.device = "cuda";
    options.open_gpu = [](int) -> StatusOr<std::unique_ptr<kernels::Gpu>> {
      return footnote::testing::MakeEmulatedGpu(
          std::make_shared<footnote::testing::EmulatedDevice>());
    };
    const auto model = LoadedModel::Load(PathOf(run), options);
    ASSERT_OK(model);
    const auto logits = (*model)->Logits(run["ids"].get<std::vector<TokenId>>());
    ASSERT_OK(logits);
    const auto vocabulary = static_cast<size_t>((*model)->info().vocabulary_size);
    EXPECT_LE(Worst(*logits, run, vocabulary), kTolerance);
  }
}

TEST_P(Architectures, WriteHuggingFacesTokens) {
  size_t compared = 0;
  for (const json& run : runs_) {
    if (!run.contains("greedy")) continue;
    SCOPED_TRACE(run["path"].dump() + " " + run["config"].dump());
    const auto model = Load(PathOf(run), kernels::Precision::kExact);
    ASSERT_NE(model, nullptr);
    ASSERT_OK_AND_ASSIGN(const auto generator, MakeTextGenerator(model, {}));
    auto want = run["greedy"].get<std::vector<TokenId>>();
    GenerationRequest request;
    request.prompt = run["ids"].get<std::vector<TokenId>>();
    request.max_tokens = static_cast<int>(want.size());
    request.ignore_eos = true;
    auto result = generator->Generate(request, CallContext(), nullptr);
    ASSERT_OK(result);
    size_t sure = 0;
    while (sure < want.size() && run["greedy_margins"][sure] > kMargin) ++sure;
    want.resize(sure);
    result->tokens.resize(std::min(sure, result->tokens.size()));
    EXPECT_EQ(result->tokens, want);
    compared += sure;
  }
  EXPECT_GE(compared, 10u) << "too few steps with a margin";
}

TEST_P(Architectures, GiveTheSameBitsHoweverAPromptIsCut) {
  std::set<std::string> seen;
  for (const json& run : runs_) {
    if (!run["config"].empty() || !seen.insert(run["path"]).second) continue;
    for (const auto precision : {kernels::Precision::kExact, kernels::Precision::kFast}) {
      const auto model = Load(PathOf(run), precision);
      ASSERT_NE(model, nullptr);
      std::vector<TokenId> ids;
      for (int i = 0; i < 40; ++i) ids.push_back((i * 37 + 11) % 100);
      const std::vector<float> whole = LogitsInChunks(*model, ids, ids.size(), 0);
      for (const size_t chunk : {size_t{1}, size_t{7}}) {
        for (const int64_t other : {0, 1}) {
          EXPECT_EQ(LogitsInChunks(*model, ids, chunk, other), whole)
              << run["path"] << ", chunks of " << chunk << " beside " << other;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Architectures, ::testing::ValuesIn(Fixtures()),
                         [](const ::testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace footnote::generator
