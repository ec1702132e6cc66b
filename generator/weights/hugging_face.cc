#include "generator/weights/hugging_face.h"

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "generator/weights/byte_cursor.h"
#include "generator/weights/json_text.h"
#include "generator/weights/safetensors.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

// Configs and indexes are text of some kilobytes, tokenizers of some megabytes.
constexpr size_t kLongestJson = size_t{1} << 28;

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool ReadInt(const json& value, int64_t& out) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return false;
  }
  out = value.get<int64_t>();
  return true;
}

bool ReadFloat(const json& value, double& out) {
  if (!value.is_number()) return false;
  out = value.get<double>();
  return true;
}

bool ReadString(const json& value, std::string& out) {
  if (!value.is_string()) return false;
  out = value.get<std::string>();
  return true;
}

// Gives a config of before transformers v5 the newer keys beside its own.
void AddNewerSpelling(json& config) {
  const auto present = [](const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && !found->is_null();
  };
  if (!present(config, "dtype") && present(config, "torch_dtype")) {
    config["dtype"] = config["torch_dtype"];
  }
  json& rope = config["rope_parameters"];
  if (rope.is_null()) rope = json::object();
  if (!rope.is_object()) return;
  if (present(config, "rope_scaling") && config["rope_scaling"].is_object()) {
    for (const auto& [key, value] : config["rope_scaling"].items()) {
      const std::string newer = key == "type" ? "rope_type" : key;
      if (!rope.contains(newer)) rope[newer] = value;
    }
  }
  if (!rope.contains("rope_theta") && present(config, "rope_theta")) {
    rope["rope_theta"] = config["rope_theta"];
  }
  if (rope.empty()) config.erase("rope_parameters");
}

// A model that also reads images describes its text part in a section: its keys go to the top,
// where they are those of the text model alone. What names the whole model stays.
void LiftTextConfig(json& config) {
  const auto section = config.find("text_config");
  if (section == config.end() || !section->is_object()) return;
  const json text = *section;
  for (const auto& [key, value] : text.items()) {
    if (key != "model_type" && key != "architectures") config[key] = value;
  }
}

// One file of a folder, and nothing outside it.
bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace

StatusOr<json> ReadJsonObject(const std::filesystem::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kLongestJson));
  if (NestsTooDeep(text)) {
    return DataLossError(path.string() + " nests deeper than " + std::to_string(kDeepestJson) +
                         " levels, as no model's does; fetch it again");
  }
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded() || !parsed.is_object()) {
    return DataLossError(path.string() + " is no JSON object; fetch it again");
  }
  return parsed;
}

StatusOr<std::unique_ptr<HuggingFaceFolder>> HuggingFaceFolder::Open(
    const std::filesystem::path& folder) {
  std::unique_ptr<HuggingFaceFolder> source(new HuggingFaceFolder(folder.string()));
  FOOTNOTE_RETURN_IF_ERROR(source->ReadConfig(folder));
  FOOTNOTE_RETURN_IF_ERROR(source->ReadChatTemplate(folder));
  FOOTNOTE_RETURN_IF_ERROR(source->ReadWeights(folder));
  return source;
}

void HuggingFaceFolder::CountFile(const std::filesystem::path& path, size_t bytes) {
  files_.push_back(path);
  total_bytes_ += static_cast<int64_t>(bytes);
}

Status HuggingFaceFolder::ReadConfig(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  FOOTNOTE_ASSIGN_OR_RETURN(config_, ReadJsonObject(path));
  LiftTextConfig(config_);
  AddNewerSpelling(config_);
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  CountFile(path, error ? 0 : static_cast<size_t>(size));
  return OkStatus();
}

Status HuggingFaceFolder::ReadChatTemplate(const std::filesystem::path& folder) {
  // A file of its own goes before tokenizer_config.json, as in transformers.
  if (const auto path = folder / "chat_template.jinja"; Exists(path)) {
    FOOTNOTE_ASSIGN_OR_RETURN(chat_template_, ReadFile(path, kLongestJson));
    CountFile(path, chat_template_.size());
    return OkStatus();
  }
  const auto path = folder / "tokenizer_config.json";
  if (!Exists(path)) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(const json config, ReadJsonObject(path));
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return OkStatus();
  if (ReadString(*found, chat_template_)) return OkStatus();
  if (found->is_array()) {
    for (const json& entry : *found) {
      if (!entry.is_object() || entry.value("name", json()) != "default") continue;
      if (entry.contains("template") && ReadString(entry["template"], chat_template_)) {
        return OkStatus();
      }
    }
  }
  return DataLossError(path.string() + ": chat_template is neither text nor a list with a default");
}

Status HuggingFaceFolder::ReadWeights(const std::filesystem::path& folder) {
  if (const auto path = folder / "model.safetensors"; Exists(path)) return ReadWeightFile(path);
  if (const auto index = folder / "model.safetensors.index.json"; Exists(index)) {
    return ReadShards(folder, index);
  }
  if (Exists(folder / "pytorch_model.bin") || Exists(folder / "pytorch_model.bin.index.json")) {
    return UnimplementedError(description_ +
                              " has its weights as PyTorch pickles only, which can run code and "
                              "are not read; convert them to safetensors");
  }
  return NotFoundError(description_ +
                       " has neither model.safetensors nor model.safetensors.index.json");
}

Status HuggingFaceFolder::ReadShards(const std::filesystem::path& folder,
                                     const std::filesystem::path& index) {
  FOOTNOTE_ASSIGN_OR_RETURN(const json parsed, ReadJsonObject(index));
  const auto map = parsed.find("weight_map");
  if (map == parsed.end() || !map->is_object()) {
    return DataLossError(index.string() + " has no weight_map");
  }
  std::set<std::string> shards;
  for (const auto& [tensor, value] : map->items()) {
    std::string shard;
    if (!ReadString(value, shard) || !IsPlainFileName(shard)) {
      return DataLossError(index.string() + " gives tensor " + Shown(tensor) +
                           " a place that is no file of this folder");
    }
    shards.insert(std::move(shard));
  }
  std::map<std::string, const std::string*, std::less<>> places;  // by tensor
  for (const std::string& shard : shards) {
    const size_t before = table_.tensors().size();
    const Status read = ReadWeightFile(folder / shard);
    if (read.code() == StatusCode::kNotFound) {
      return NotFoundError("the weights are in " + std::to_string(shards.size()) + " files, and " +
                           (folder / shard).string() + " is missing; fetch it");
    }
    FOOTNOTE_RETURN_IF_ERROR(read);
    for (size_t i = before; i < table_.tensors().size(); ++i) {
      places.emplace(table_.tensors()[i].name, &shard);
    }
  }
  for (const auto& [tensor, value] : map->items()) {
    const auto place = places.find(tensor);
    if (place != places.end() && *place->second != value.get_ref<const std::string&>()) {
      return DataLossError(index.string() + " says that " + value.get<std::string>() +
                           " holds tensor " + Shown(tensor) + ", but " + *place->second +
                           " does; fetch the folder again");
    }
    const StatusOr<const StoredTensor*> found = table_.Optional(tensor, description_);
    if (found.ok() && *found == nullptr) {
      return DataLossError(index.string() + " says that " + value.get<std::string>() +
                           " holds tensor " + Shown(tensor) + ", but no shard does");
    }
  }
  return OkStatus();
}

Status HuggingFaceFolder::ReadWeightFile(const std::filesystem::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  if (Status status = ReadSafetensors(file.bytes(), table_); !status.ok()) {
    return status.WithContext(path.string());
  }
  CountFile(path, file.bytes().size());
  mapped_.push_back(std::move(file));
  return OkStatus();
}

const json* HuggingFaceFolder::FindConfig(std::string_view path) const {
  const json* at = &config_;
  for (std::string_view rest = path;;) {
    const size_t dot = rest.find('.');
    if (!at->is_object()) return nullptr;
    const auto found = at->find(std::string(rest.substr(0, dot)));
    if (found == at->end() || found->is_null()) {
      if (path == "rope_theta") return FindConfig("rope_parameters.rope_theta");
      if (path == "torch_dtype") return FindConfig("dtype");
      return nullptr;
    }
    at = &*found;
    if (dot == std::string_view::npos) return at;
    rest.remove_prefix(dot + 1);
  }
}

Status HuggingFaceFolder::WrongType(std::string_view key, std::string_view wanted) const {
  const json* value = FindConfig(key);
  const std::string where = description_ + "/config.json";
  if (value == nullptr) return NotFoundError(where + " has no key " + Shown(key));
  return InvalidArgumentError(where + ": " + Shown(key) + " is " + value->type_name() + " where " +
                              std::string(wanted) + " is expected");
}

StatusOr<int64_t> HuggingFaceFolder::GetInt(std::string_view key) const {
  const json* value = FindConfig(key);
  int64_t out = 0;
  if (value == nullptr || !ReadInt(*value, out)) return WrongType(key, "an integer below 2^63");
  return out;
}

StatusOr<double> HuggingFaceFolder::GetFloat(std::string_view key) const {
  const json* value = FindConfig(key);
  double out = 0;
  if (value == nullptr || !ReadFloat(*value, out)) return WrongType(key, "a number");
  return out;
}

StatusOr<bool> HuggingFaceFolder::GetBool(std::string_view key) const {
  const json* value = FindConfig(key);
  if (value == nullptr || !value->is_boolean()) return WrongType(key, "true or false");
  return value->get<bool>();
}

StatusOr<std::string> HuggingFaceFolder::GetString(std::string_view key) const {
  const json* value = FindConfig(key);
  std::string out;
  if (value == nullptr || !ReadString(*value, out)) return WrongType(key, "a string");
  return out;
}

template <typename T, typename Get>
StatusOr<std::vector<T>> HuggingFaceFolder::GetList(std::string_view key, std::string_view wanted,
                                                    Get get) const {
  const json* value = FindConfig(key);
  if (value == nullptr || !value->is_array()) return WrongType(key, wanted);
  std::vector<T> out;
  for (const json& element : *value) {
    T one{};
    if (!get(element, one)) return WrongType(key, wanted);
    out.push_back(std::move(one));
  }
  return out;
}

StatusOr<std::vector<int64_t>> HuggingFaceFolder::GetInts(std::string_view key) const {
  return GetList<int64_t>(key, "a list of integers", ReadInt);
}
StatusOr<std::vector<double>> HuggingFaceFolder::GetFloats(std::string_view key) const {
  return GetList<double>(key, "a list of numbers", ReadFloat);
}
StatusOr<std::vector<std::string>> HuggingFaceFolder::GetStrings(std::string_view key) const {
  return GetList<std::string>(key, "a list of strings", ReadString);
}

std::vector<std::string> HuggingFaceFolder::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : config_.items()) keys.push_back(key);
  return keys;
}

}  // namespace footnote::generator
