#include "server/commands/engine_bench_report.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "common/thread_pool.h"
#include "server/model_notes.h"

namespace footnote::server {
namespace {

// The rest of the first line of `path` that begins with `name`, without what separates the two.
std::string ProcLine(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t value = line.find_first_not_of(" \t:", name.size());
    if (value != std::string::npos) return line.substr(value);
  }
  return "";
}

// 0 where the system does not say.
int64_t StatusBytes(const std::string& name) {
  return std::strtoll(ProcLine("/proc/self/status", name).c_str(), nullptr, 10) << 10;
}

std::string Shown(const BenchJson& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump();
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value.get<double>());
  return text;
}

}  // namespace

StatusOr<std::shared_ptr<const generator::Model>> LoadForBench(const BenchModelOptions& options) {
  generator::ModelOptions model_options;
  model_options.threads = options.threads;
  model_options.device = options.device;
  model_options.gpu_layers = options.gpu_layers;
  FOOTNOTE_ASSIGN_OR_RETURN(model_options.precision, kernels::PrecisionFromName(options.precision));
  FOOTNOTE_ASSIGN_OR_RETURN(auto model, generator::Model::Load(options.path, model_options));
  PrintModelNotes(model->info());
  return model;
}

StatusOr<std::optional<generator::DeviceFigures>> WriteDevice(const generator::Model& model,
                                                              BenchJson& json) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto figures, model.MeasureDevice());
  if (figures.has_value()) {
    json["gpu_read_bytes_per_second"] = figures->ceilings.read_bytes_per_second;
    json["gpu_copy_bytes_per_second"] = figures->ceilings.bytes_per_second;
    json["gpu_operations_per_second"] = figures->ceilings.operations_per_second;
  }
  return figures;
}

double OperationsPerToken(const generator::ModelInfo& info, const generator::DeviceFigures& figures,
                          double keys_seen) {
  const double attention = 4.0 * info.heads * info.head_width * keys_seen * info.layers;
  return 2.0 * static_cast<double>(figures.layer_parameters) + attention;
}

BenchJson MachineSettings(int threads) {
  const int cpus = ThreadPool::AvailableCpus();
  const std::string cpu = ProcLine("/proc/cpuinfo", "model name");
  return {{"threads", threads == 0 ? cpus : threads},
          {"cpu", cpu.empty() ? "unknown" : cpu},
          {"cpus", cpus}};
}

BenchJson BenchSettings(const BenchModelOptions& options, const generator::Model& model) {
  BenchJson json = {{"model", model.info().name},
                    {"precision", options.precision},
                    {"device", model.info().device},
                    {"isa", model.info().isa},
                    {"repetitions", options.repetitions}};
  json.update(MachineSettings(options.threads));
  return json;
}

double Rates::Median() const {
  std::vector<double> sorted = rates_;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double Rates::Best() const { return *std::max_element(rates_.begin(), rates_.end()); }

void Rates::Write(const std::string& name, BenchJson& json) const {
  json[name] = Median();
  json[name + "_best"] = Best();
}

std::vector<generator::TokenId> MadeUpTokens(int count, int vocabulary, int which) {
  std::vector<generator::TokenId> ids;
  for (int i = 0; i < count; ++i) {
    const int64_t mixed = (static_cast<int64_t>(i) * 7919 + which * 104729 + 17) % vocabulary;
    ids.push_back(static_cast<generator::TokenId>(mixed));
  }
  return ids;
}

ResidentMemory ReadResidentMemory() { return {StatusBytes("VmHWM:"), StatusBytes("VmRSS:")}; }

void PrintBench(const BenchJson& json, bool as_json) {
  if (as_json) {
    std::cout << json.dump() << "\n";
    return;
  }
  constexpr size_t kNameWidth = 40;
  for (const auto& [key, value] : json.items()) {
    std::cout << key << std::string(key.size() < kNameWidth ? kNameWidth - key.size() : 1, ' ')
              << Shown(value) << "\n";
  }
}

}  // namespace footnote::server
