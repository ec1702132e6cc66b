// A Hugging Face folder: config.json, weights in one safetensors file or in shards with an index,
// and the chat template.
//
// Keys are those of transformers v5 whatever the folder's spelling: `rope_theta` and `rope_scaling`
// of older configs are also found in `rope_parameters` (with `rope_type` for `type`), `torch_dtype`
// as `dtype`; a section `text_config` is found at the top too. The older `rope_theta` and
// `torch_dtype` are found in newer configs too.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/file.h"
#include "common/status.h"
#include "generator/weights/tensor_table.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

class HuggingFaceFolder final : public WeightSource {
 public:
  // Errors: NOT_FOUND (no config.json, or no weights), DATA_LOSS (names the file), UNIMPLEMENTED
  // (weights as pickles only).
  static StatusOr<std::unique_ptr<HuggingFaceFolder>> Open(const std::filesystem::path& folder);

  // config.json, in the newer spelling.
  const nlohmann::json& config() const { return config_; }
  // The value at a path of keys joined by dots; null when it is absent or JSON null.
  const nlohmann::json* FindConfig(std::string_view path) const;

  WeightFormat format() const override { return WeightFormat::kHuggingFace; }
  const std::string& description() const override { return description_; }
  const std::vector<std::filesystem::path>& files() const override { return files_; }
  int64_t total_bytes() const override { return total_bytes_; }
  void DropResidentPages(std::span<const std::byte> part) const override {
    for (const MappedFile& file : mapped_) file.DropResidentPages(part);
  }
  const std::vector<StoredTensor>& tensors() const override { return table_.tensors(); }
  const StoredTensor* Find(std::string_view name) const override { return table_.Find(name); }
  StatusOr<const StoredTensor*> Optional(std::string_view name) const override {
    return table_.Optional(name, description_);
  }
  StatusOr<const StoredTensor*> Require(std::string_view name) const override {
    return table_.Require(name, description_);
  }
  bool Has(std::string_view key) const override { return FindConfig(key) != nullptr; }
  StatusOr<int64_t> GetInt(std::string_view key) const override;
  StatusOr<double> GetFloat(std::string_view key) const override;
  StatusOr<bool> GetBool(std::string_view key) const override;
  StatusOr<std::string> GetString(std::string_view key) const override;
  StatusOr<std::vector<int64_t>> GetInts(std::string_view key) const override;
  StatusOr<std::vector<double>> GetFloats(std::string_view key) const override;
  StatusOr<std::vector<std::string>> GetStrings(std::string_view key) const override;
  std::vector<std::string> Keys() const override;
  const std::string& chat_template() const override { return chat_template_; }

 private:
  explicit HuggingFaceFolder(std::string description) : description_(std::move(description)) {}

  Status ReadConfig(const std::filesystem::path& folder);
  Status ReadChatTemplate(const std::filesystem::path& folder);
  Status ReadWeights(const std::filesystem::path& folder);
  Status ReadShards(const std::filesystem::path& folder, const std::filesystem::path& index);
  Status ReadWeightFile(const std::filesystem::path& path);
  void CountFile(const std::filesystem::path& path, size_t bytes);
  Status WrongType(std::string_view key, std::string_view wanted) const;
  // The values of a list, each by `get` (false when it has another type).
  template <typename T, typename Get>
  StatusOr<std::vector<T>> GetList(std::string_view key, std::string_view wanted, Get get) const;

  std::string description_;
  nlohmann::json config_;
  std::string chat_template_;
  std::vector<MappedFile> mapped_;
  std::vector<std::filesystem::path> files_;
  int64_t total_bytes_ = 0;
  TensorTable table_;
};

// A JSON file as an object. Errors: those of reading it; DATA_LOSS names the file.
StatusOr<nlohmann::json> ReadJsonObject(const std::filesystem::path& path);

}  // namespace footnote::generator
