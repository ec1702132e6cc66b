// footnote model: what a model file holds, what this machine can run, and a model behind a line
// protocol.

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/thread_pool.h"
#include "generator/model.h"
#include "kernels/device.h"
#include "server/commands/command.h"
#include "server/commands/device_check.h"
#include "server/commands/engine_probe.h"

namespace footnote::server {
namespace {

using generator::ModelInfo;
using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ToJson(const generator::Model& model) {
  const ModelInfo& info = model.info();
  Json json;
  json["path"] = model.path().string();
  json["name"] = info.name;
  json["architecture"] = info.architecture;
  json["kind"] = info.kind == generator::ModelKind::kDecoder ? "decoder" : "encoder";
  json["parameters"] = info.parameters;
  json["weight_bytes"] = info.weight_bytes;
  json["tensors_by_format"] = info.tensors_by_format;
  json["context_tokens"] = info.context_tokens;
  json["layers"] = info.layers;
  json["width"] = info.width;
  json["heads"] = info.heads;
  json["kv_heads"] = info.kv_heads;
  json["head_width"] = info.head_width;
  json["vocabulary_size"] = info.vocabulary_size;
  if (!info.labels.empty()) json["labels"] = info.labels;
  json["tokenizer"] = info.tokenizer;
  json["template_family"] = nullptr;
  if (!info.template_family.empty()) json["template_family"] = info.template_family;
  if (!info.template_family.empty()) {
    json["system_message"] =
        info.template_folds_system ? "folded into the first user turn" : "taken by the template";
  }
  if (!info.template_problem.empty()) json["template_problem"] = info.template_problem;
  return json;
}

// One "name  value" a line, nested objects as "a, b".
void PrintTable(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    std::string text;
    if (value.is_object()) {
      for (const auto& [name, count] : value.items()) {
        text += (text.empty() ? "" : ", ") + name + " x " + count.dump();
      }
    } else {
      text = value.is_string() ? value.get<std::string>() : value.is_null() ? "none" : Dump(value);
    }
    std::cout << key << std::string(key.size() < 20 ? 20 - key.size() : 1, ' ') << text << "\n";
  }
}

Status Show(const std::string& path, const std::string& chat_template, bool as_json) {
  generator::ModelOptions options;
  options.template_family = chat_template;
  options.threads = 1;  // nothing is computed
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<const generator::Model> model,
                            generator::Model::Load(path, options));
  const Json json = ToJson(*model);
  if (as_json) {
    std::cout << Dump(json) << "\n";
  } else {
    PrintTable(json);
  }
  return OkStatus();
}

Status Devices(bool as_json) {
  FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Isa isa, kernels::DefaultIsa());
  Json cpu;
  cpu["isa"] = kernels::IsaName(isa);
  cpu["supported"] = Json::array();
  for (const kernels::Isa supported : kernels::SupportedIsas()) {
    cpu["supported"].push_back(kernels::IsaName(supported));
  }
  cpu["threads"] = ThreadPool::AvailableCpus();
  const kernels::GpuReport report = kernels::FindGpus();
  Json gpus = Json::array();
  for (const kernels::GpuInfo& gpu : report.gpus) {
    gpus.push_back(
        {{"index", gpu.index},
         {"name", gpu.name},
         {"compute", std::to_string(gpu.compute_major) + "." + std::to_string(gpu.compute_minor)},
         {"memory_bytes", gpu.memory_bytes},
         {"usable", gpu.usable},
         {"why_not", gpu.why_not}});
  }
  if (as_json) {
    std::cout << Dump({{"cpu", cpu}, {"gpus", gpus}, {"gpu_note", report.note}}) << "\n";
    return OkStatus();
  }
  std::cout << "CPU: " << kernels::IsaName(isa) << " in use, " << cpu["threads"] << " threads\n";
  for (const Json& gpu : gpus) {
    std::cout << "GPU " << gpu["index"] << ": " << gpu["name"].get<std::string>() << ", compute "
              << gpu["compute"].get<std::string>() << ", "
              << (gpu["usable"].get<bool>() ? "usable"
                                            : "not usable: " + gpu["why_not"].get<std::string>())
              << "\n";
  }
  if (gpus.empty()) std::cout << "GPU: none (" << report.note << ")\n";
  return OkStatus();
}

void AddChatTemplate(CLI::App& command, std::string& chat_template) {
  command.add_option("--chat-template", chat_template,
                     "A family by name (chatml, llama3, …) instead of the model's own template");
}

struct ProbeOptions {
  std::string path;
  std::string chat_template;
  std::string device = "cpu";
  int gpu_layers = -1;
  std::string precision = "fast";
  std::string adapter;
  int threads = 0;
};

Status Probe(const ProbeOptions& options) {
  if (!options.adapter.empty()) {
    return UnimplementedError("--adapter " + options.adapter +
                              ": LoRA adapters are not supported yet; merge the adapter into the "
                              "model");
  }
  generator::ModelOptions model_options;
  model_options.threads = options.threads;
  model_options.device = options.device;
  model_options.gpu_layers = options.gpu_layers;
  model_options.template_family = options.chat_template;
  FOOTNOTE_ASSIGN_OR_RETURN(model_options.precision, kernels::PrecisionFromName(options.precision));
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  return RunProbe(options.path, model_options, std::cin, std::cout);
}

}  // namespace

void AddModelCommand(CLI::App& app, CommandResult& result) {
  CLI::App* command = app.add_subcommand("model", "Look at models and at what can run them");
  command->require_subcommand(1);

  auto path = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* show = command->add_subcommand("show", "What a model file holds");
  show->add_option("path", *path, "A .gguf file or a Hugging Face folder")->required();
  show->add_flag("--json", *json, "Print one JSON document");
  auto chat_template = std::make_shared<std::string>();
  AddChatTemplate(*show, *chat_template);
  show->callback([=, &result] { result.status = Show(*path, *chat_template, *json); });

  CLI::App* devices = command->add_subcommand("devices", "What this machine computes with");
  devices->add_flag("--json", *json, "Print one JSON document");
  devices->callback([json, &result] { result.status = Devices(*json); });

  auto options = std::make_shared<ProbeOptions>();
  CLI::App* probe = command->add_subcommand(
      "probe", "Answer JSON requests, one a line, from standard input until it ends");
  probe
      ->add_option("path", options->path,
                   "A .gguf file, a Hugging Face folder, or a tokenizer.json")
      ->required();
  probe->add_option("--device", options->device, "cpu, cuda, cuda:N or auto")
      ->check(CheckDevice)
      ->capture_default_str();
  probe
      ->add_option("--gpu-layers", options->gpu_layers,
                   "Of a decoder, the first so many on the GPU (default: all)")
      ->check(CLI::Range(0, 1000));
  probe->add_option("--precision", options->precision)
      ->check(CLI::IsMember(kernels::PrecisionNames()))
      ->capture_default_str();
  probe->add_option("--threads", options->threads, "0: one per available CPU")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  AddChatTemplate(*probe, options->chat_template);
  probe->add_option("--adapter", options->adapter, "A LoRA adapter");
  probe->callback([options, &result] { result.status = Probe(*options); });
}

}  // namespace footnote::server
