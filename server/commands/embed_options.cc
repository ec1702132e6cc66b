#include "server/commands/embed_options.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/commands/device_check.h"

namespace footnote::server {
namespace {

// Beside the models: documents of some megabytes, buffers, an index of some ten thousand vectors.
constexpr uint64_t kLeastWorkBytes = uint64_t{128} << 20;

std::vector<std::string> Precisions() {
  std::vector<std::string> names = {kAutoPrecision};
  for (const auto& name : kernels::PrecisionNames()) names.emplace_back(name);
  return names;
}

}  // namespace

void MemoryOption::AddTo(CLI::App& command) {
  command
      .add_option(
          "--memory", size,
          "The most that this process may hold in memory, the models included: 512MiB, 4GiB "
          "(default: half of what the machine, or the container, has)")
      ->type_name("SIZE")
      ->check([](const std::string& text) { return ParseByteSize(text).status().message(); });
}

StatusOr<MemoryBound> MemoryOption::Read() const {
  KeepNoLargeBlocks();
  ReturnFreedMemory();
  MemoryBound bound;
  bound.held_bytes = ResidentBytes();
  const uint64_t least = std::max(bound.held_bytes + kLeastWorkBytes, PeakResidentBytes());
  if (size.empty()) {
    // A small machine need not be told.
    bound.total_bytes = std::max(MachineMemoryBytes() / 2, least);
    return bound;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(bound.total_bytes, ParseByteSize(size));
  if (bound.total_bytes >= least) return bound;
  return InvalidArgumentError("--memory " + ByteSizeText(bound.total_bytes) +
                              " is too little: the program holds " +
                              ByteSizeText(bound.held_bytes) + " with its models, and needs " +
                              ByteSizeText(kLeastWorkBytes) +
                              " to work with; give at least --memory " + ByteSizeText(least));
}

CLI::Option* AddPrecision(CLI::App& command, std::string& precision) {
  return command
      .add_option(
          "--precision", precision,
          "Of the embedder: fast, exact, or with float weights rounded to bfloat16 (bf16) or "
          "to 8 bits (int8, two to three times as fast as fast); auto: int8 where the model "
          "allows it, else fast")
      ->check(CLI::IsMember(Precisions()))
      ->capture_default_str();
}

StatusOr<LoadedEmbedder> LoadEmbedderForDocuments(const std::string& path,
                                                  const std::string& precision, int threads,
                                                  const std::string& device) {
  generator::ModelOptions model;
  model.threads = threads;
  model.device = device;
  if (precision == kAutoPrecision) return LoadFastestEmbedder(path, model);
  FOOTNOTE_ASSIGN_OR_RETURN(model.precision, kernels::PrecisionFromName(precision));
  return LoadEmbedder(path, model);
}

CLI::Option* EmbedOptions::AddTo(CLI::App& command, const std::string& embedder_help) {
  CLI::Option* option = command.add_option("--embedder", embedder, embedder_help);
  AddPrecision(command, precision);
  command.add_option("--device", device, "Of the embedder: cpu, cuda, cuda:N or auto")
      ->check(CheckDevice)
      ->capture_default_str();
  command.add_option("--threads", threads, "Threads (default: one per CPU)")
      ->check(CLI::Range(0, 1024));
  memory.AddTo(command);
  command.add_option("--progress", progress, "On stderr: bar, json (one event a line) or none")
      ->capture_default_str();
  command.add_flag("--json", json, "Print one JSON document");
  return option;
}

StatusOr<LoadedEmbedder> EmbedOptions::Load() const {
  return LoadEmbedderForDocuments(embedder, precision, threads, device);
}

}  // namespace footnote::server
