// The real models end to end on the first GPU: a fixed set of grounded prompts answered by SmolLM2,
// sentences scored against their passages with MiniLM's vectors, and everything as on the CPU.
// Skipped without a GPU or the models.

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <iostream>

#include "generator/engine.h"
#include "generator/grounding.h"
#include "generator/model.h"
#include "generator/prompt.h"
#include "kernels/device.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

struct Asked {
  const char* question;
  std::vector<const char*> passages;
  const char* supported;    // by the passages
  const char* unsupported;  // says another number, name or thing
};

const std::vector<Asked>& AskedQuestions() {
  static const std::vector<Asked> asked = {
      {"How often must the pump be inspected?",
       {"The pump must be inspected every 14 days. Inspections are recorded in the log book kept "
        "at "
        "the gate house.",
        "Filters are replaced once a year by the maintenance crew."},
       "The pump must be inspected every 14 days.",
       "The pump must be inspected every 40 days."},
      {"Who may terminate the agreement?",
       {"Either party may terminate this agreement with thirty days' written notice. The notice is "
        "sent to the address in schedule A.",
        "The supplier shall keep records for five years."},
       "Either party may terminate the agreement with thirty days' written notice.",
       "Only the supplier may terminate the agreement, without notice."},
      {"What does the open call return on failure?",
       {"On success, open returns a new file descriptor. On failure it returns -1 and sets errno "
        "to "
        "say what went wrong.",
        "The close call releases a file descriptor."},
       "On failure open returns -1 and sets errno.",
       "On failure open returns 0 and prints a warning."},
      {"Which patients should not take the drug?",
       {"The drug is not recommended for patients with severe liver disease. Patients over 75 "
        "years "
        "start with half the dose.",
        "Tablets are taken with water after a meal."},
       "The drug is not recommended for patients with severe liver disease.",
       "The drug is recommended for patients with severe liver disease."}};
  return asked;
}

struct Outcome {
  std::vector<std::vector<TokenId>> answers;
  std::vector<std::vector<float>> likelihoods;  // of each supported sentence's tokens
  std::vector<double> supported, unsupported;
  double seconds = 0;
};

StatusOr<double> BestScore(const SupportScorer& scorer, const char* sentence) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<Support> supports,
                            scorer.Score(sentence, 1, CallContext()));
  return supports.empty() ? 0.0 : supports.front().score;
}

StatusOr<Outcome> AnswerAll(const std::string& device, const std::filesystem::path& generator_path,
                            const std::filesystem::path& embedder_path) {
  ModelOptions options;
  options.device = device;
  FOOTNOTE_ASSIGN_OR_RETURN(auto generator_model, Model::Load(generator_path, options));
  FOOTNOTE_ASSIGN_OR_RETURN(auto embedder_model, Model::Load(embedder_path, options));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto generator, MakeTextGenerator(generator_model, {}));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto embedder, MakeEmbedder(embedder_model, "test"));
  Outcome outcome;
  const auto start = std::chrono::steady_clock::now();
  for (const Asked& asked : AskedQuestions()) {
    std::vector<Passage> passages;
    for (const char* text : asked.passages) {
      Passage passage;
      passage.text = text;
      passage.document_id = "d" + std::to_string(passages.size());
      passages.push_back(std::move(passage));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const Prompt prompt,
                              BuildGroundedPrompt(*generator, asked.question, {}, passages, {}));
    GenerationRequest request;
    request.prompt = prompt.tokens;
    request.quotable = {prompt.passages};
    request.max_tokens = 48;
    FOOTNOTE_ASSIGN_OR_RETURN(const GenerationResult answer,
                              generator->Generate(request, CallContext(), nullptr));
    outcome.answers.push_back(answer.tokens);
    FOOTNOTE_ASSIGN_OR_RETURN(
        outcome.likelihoods.emplace_back(),
        generator->LogProbabilities(
            prompt.tokens, generator->tokenizer().Encode(asked.supported, {.add_special = false}),
            CallContext()));
    FOOTNOTE_ASSIGN_OR_RETURN(const SupportScorer scorer,
                              SupportScorer::Create(embedder.get(), passages, CallContext()));
    FOOTNOTE_ASSIGN_OR_RETURN(outcome.supported.emplace_back(), BestScore(scorer, asked.supported));
    FOOTNOTE_ASSIGN_OR_RETURN(outcome.unsupported.emplace_back(),
                              BestScore(scorer, asked.unsupported));
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

TEST(GpuAnswers, PromptsAreAnsweredAndSentencesScoredAsOnTheCpu) {
  const kernels::GpuReport report = kernels::FindGpus();
  if (report.gpus.empty()) GTEST_SKIP() << report.note;
  if (!report.gpus.front().usable) GTEST_SKIP() << report.gpus.front().why_not;
  const auto generator = footnote::testing::CachedModel("smollm2-135m-instruct");
  const auto embedder = footnote::testing::CachedModel("all-minilm-l6-v2");
  if (generator.empty() || embedder.empty()) GTEST_SKIP() << "run tools/fetch_models.sh";
  ASSERT_OK_AND_ASSIGN(const Outcome cpu, AnswerAll("cpu", generator, embedder));
  ASSERT_OK_AND_ASSIGN(const Outcome gpu, AnswerAll("cuda", generator, embedder));
  const GroundingThresholds balanced = ThresholdsFor(RiskSetting::kBalanced);
  size_t same = 0;
  size_t tokens = 0;
  for (size_t i = 0; i < AskedQuestions().size(); ++i) {
    SCOPED_TRACE(AskedQuestions()[i].question);
    EXPECT_NEAR(gpu.supported[i], cpu.supported[i], 0.02);
    EXPECT_NEAR(gpu.unsupported[i], cpu.unsupported[i], 0.02);
    EXPECT_GE(gpu.supported[i], balanced.sentence_support);
    EXPECT_LT(gpu.unsupported[i], balanced.sentence_support);
    ASSERT_EQ(gpu.likelihoods[i].size(), cpu.likelihoods[i].size());
    // 8-bit activations on the CPU, float16 here: some tenths where a token is unlikely.
    for (size_t t = 0; t < cpu.likelihoods[i].size(); ++t) {
      EXPECT_NEAR(gpu.likelihoods[i][t], cpu.likelihoods[i][t],
                  0.1 + 0.05 * std::fabs(cpu.likelihoods[i][t]));
    }
    // Where two tokens are about equally likely, rounding decides, and the rest may differ.
    size_t t = 0;
    while (t < std::min(cpu.answers[i].size(), gpu.answers[i].size()) &&
           cpu.answers[i][t] == gpu.answers[i][t]) {
      ++t;
    }
    EXPECT_GT(t, 2u) << "the answers differ from the start";
    same += t;
    tokens += cpu.answers[i].size();
  }
  std::cout << same << " of " << tokens << " tokens in common; " << AskedQuestions().size()
            << " questions: CPU " << cpu.seconds << " s, GPU " << gpu.seconds << " s\n";
  EXPECT_GT(2 * same, tokens) << "most answers are the CPU's for long";
}

}  // namespace
}  // namespace footnote::generator
