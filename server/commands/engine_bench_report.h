// What the benches share: how a model is loaded, repeated measurements, and how figures are shown.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "generator/model.h"

namespace footnote::server {

using BenchJson = nlohmann::ordered_json;

struct BenchModelOptions {
  std::string path;
  std::string precision = "fast";  // or "exact", "int8", "bf16"
  std::string device = "cpu";      // or "cuda", "cuda:N", "auto"
  int gpu_layers = -1;             // of a decoder; -1: all
  int threads = 0;                 // 0: one per available CPU
  int repetitions = 3;
  bool json = false;
};

StatusOr<std::shared_ptr<const generator::Model>> LoadForBench(const BenchModelOptions& options);

// The ceilings of the GPU that the model is on; nothing is written for a model on the CPU.
StatusOr<std::optional<generator::DeviceFigures>> WriteDevice(const generator::Model& model,
                                                              BenchJson& json);

// Of a token in the layers: their products, and attention to `keys_seen` keys.
double OperationsPerToken(const generator::ModelInfo& info, const generator::DeviceFigures& figures,
                          double keys_seen);

// Threads (0: all) and the machine.
BenchJson MachineSettings(int threads);

// Model, precision, instruction set, threads and the machine.
BenchJson BenchSettings(const BenchModelOptions& options, const generator::Model& model);

// Measurements of one thing, higher is better. The best is what the machine can do; the median is
// what to expect.
class Rates {
 public:
  void Add(double rate) { rates_.push_back(rate); }
  bool empty() const { return rates_.empty(); }
  double Median() const;
  double Best() const;

  // name: the median, name_best: the best.
  void Write(const std::string& name, BenchJson& json) const;

 private:
  std::vector<double> rates_;
};

// Spread over the vocabulary, the same every time; `which` gives another text.
std::vector<generator::TokenId> MadeUpTokens(int count, int vocabulary, int which);

// Largest resident memory of the process so far, and what it has now.
struct ResidentMemory {
  int64_t peak_bytes = 0;
  int64_t bytes = 0;
};
ResidentMemory ReadResidentMemory();

// One JSON document, or a line for each figure.
void PrintBench(const BenchJson& json, bool as_json);

}  // namespace footnote::server
