#include "tests/faults/simulated_disk.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace footnote::testing {
namespace {

namespace fs = std::filesystem;
using Kind = FileOperation::Kind;

constexpr size_t kBlockBytes = 4096;

std::string ParentOf(const std::string& path) { return fs::path(path).parent_path().string(); }
std::string NameOf(const std::string& path) { return fs::path(path).filename().string(); }
std::string Join(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

bool Coin(std::mt19937_64& random) { return (random() >> 33 & 1) != 0; }

}  // namespace

SimulatedDisk::SimulatedDisk(const fs::path& folder) {
  folders_[""];
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = fs::relative(entry.path(), folder).string();
    int64_t file = -1;
    if (entry.is_directory()) {
      folders_[path];
    } else {
      file = next_initial_--;
      std::ifstream in(entry.path(), std::ios::binary);
      files_[file].bytes.assign(std::istreambuf_iterator<char>(in), {});
      files_[file].synced = files_[file].bytes;
    }
    Folder& parent = folders_[ParentOf(path)];
    parent.entries[NameOf(path)] = parent.synced[NameOf(path)] = file;
  }
}

int64_t SimulatedDisk::NumberOf(const FileOperation& operation) {
  const auto found = numbers_.find(operation.file);
  return found == numbers_.end() ? operation.file : found->second;
}

void SimulatedDisk::ApplyTo(std::string& bytes, const Change& change) {
  const auto offset = static_cast<size_t>(change.offset);
  if (!change.bytes) {
    bytes.resize(offset, '\0');
    return;
  }
  if (bytes.size() < offset + change.bytes->size()) {
    bytes.resize(offset + change.bytes->size(), '\0');
  }
  bytes.replace(offset, change.bytes->size(), *change.bytes);
}

void SimulatedDisk::ApplyTo(std::map<std::string, int64_t>& entries, const EntryChange& change) {
  if (change.file) {
    entries[change.name] = *change.file;
  } else {
    entries.erase(change.name);
  }
}

void SimulatedDisk::ChangeEntry(const std::string& path, std::optional<int64_t> file,
                                bool with_next) {
  Folder& folder = folders_[ParentOf(path)];
  folder.pending.push_back({NameOf(path), file, with_next});
  ApplyTo(folder.entries, folder.pending.back());
}

void SimulatedDisk::Apply(const FileOperation& operation) {
  const std::string path = operation.path == "." ? "" : operation.path;
  switch (operation.kind) {
    case Kind::kFind: {
      const Folder& folder = folders_[ParentOf(path)];
      const auto found = folder.entries.find(NameOf(path));
      if (found != folder.entries.end()) numbers_[operation.file] = found->second;
      break;
    }
    case Kind::kCreate:
      files_[operation.file];
      ChangeEntry(path, operation.file);
      break;
    case Kind::kWrite:
    case Kind::kResize: {
      File& file = files_[NumberOf(operation)];
      Change change{operation.offset, std::nullopt};
      if (operation.kind == Kind::kWrite) change.bytes = operation.bytes;
      ApplyTo(file.bytes, change);
      file.pending.push_back(std::move(change));
      break;
    }
    case Kind::kSync: {
      File& file = files_[NumberOf(operation)];
      file.synced = file.bytes;
      file.pending.clear();
      break;
    }
    case Kind::kSyncFolder: {
      Folder& folder = folders_[path];
      folder.synced = folder.entries;
      folder.pending.clear();
      break;
    }
    case Kind::kRename: {
      const bool together = ParentOf(path) == ParentOf(operation.target);
      ChangeEntry(operation.target, NumberOf(operation), together);
      ChangeEntry(path, std::nullopt);
      break;
    }
    case Kind::kLink:
      ChangeEntry(operation.target, NumberOf(operation));
      break;
    case Kind::kMakeFolder:
      folders_[path] = {};
      ChangeEntry(path, -1);
      break;
    case Kind::kUnlink:
    case Kind::kRemoveFolder:
      ChangeEntry(path, std::nullopt);
      break;
    case Kind::kReserve:
    case Kind::kMark:
      break;
  }
}

void SimulatedDisk::ApplyHalf(FileOperation operation) {
  operation.bytes.resize(operation.bytes.size() / 2);
  Apply(operation);
}

std::string SimulatedDisk::BytesAfter(const File& file, Loss loss, std::mt19937_64& random) {
  if (loss == Loss::kNone || file.pending.empty()) return file.bytes;
  std::string bytes = file.synced;
  if (loss == Loss::kUnsynced) return bytes;
  switch (random() % 4) {
    case 0:
      return bytes;
    case 1:
      return file.bytes;
    case 2: {
      // In order, the last of them torn.
      const size_t kept = random() % file.pending.size();
      for (size_t i = 0; i < kept; ++i) ApplyTo(bytes, file.pending[i]);
      Change last = file.pending[kept];
      if (last.bytes) last.bytes->resize(random() % (last.bytes->size() + 1));
      ApplyTo(bytes, last);
      return bytes;
    }
    default:
      // Block by block, in any order.
      for (const Change& change : file.pending) {
        if (!change.bytes) {
          if (Coin(random)) ApplyTo(bytes, change);
          continue;
        }
        for (size_t at = 0; at < change.bytes->size();) {
          const size_t in_block =
              kBlockBytes - (static_cast<size_t>(change.offset) + at) % kBlockBytes;
          const std::string block = change.bytes->substr(at, in_block);
          if (Coin(random)) ApplyTo(bytes, {change.offset + static_cast<int64_t>(at), block});
          at += block.size();
        }
      }
      return bytes;
  }
}

std::map<std::string, int64_t> SimulatedDisk::EntriesAfter(const Folder& folder, Loss loss,
                                                           std::mt19937_64& random) {
  if (loss == Loss::kNone) return folder.entries;
  std::map<std::string, int64_t> entries = folder.synced;
  if (loss == Loss::kUnsynced) return entries;
  const size_t kept = random() % (folder.pending.size() + 1);
  for (size_t i = 0; i < folder.pending.size() && i < kept; ++i) {
    ApplyTo(entries, folder.pending[i]);
    if (!folder.pending[i].with_next) continue;
    ++i;
    ApplyTo(entries, folder.pending[i]);
  }
  return entries;
}

void SimulatedDisk::WriteFolder(const fs::path& to, const std::string& path, Loss loss,
                                std::mt19937_64& random) const {
  fs::create_directory(to);
  for (const auto& [name, file] : EntriesAfter(folders_.at(path), loss, random)) {
    if (file == -1) {
      WriteFolder(to / name, Join(path, name), loss, random);
      continue;
    }
    const std::string bytes = BytesAfter(files_.at(file), loss, random);
    std::ofstream(to / name, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

void SimulatedDisk::WriteTo(const fs::path& folder, Loss loss, uint64_t seed) const {
  std::mt19937_64 random(seed);
  WriteFolder(folder, "", loss, random);
}

}  // namespace footnote::testing
