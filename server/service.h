// Everything that `footnote serve` runs, built from its settings and taken down in order.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "common/status.h"
#include "server/config.h"

namespace footnote::server {

// Threads: one owner; the service has threads of its own.
class Service {
 public:
  // Loads the models, opens the ports. `home` holds corpora and waiting uploads. Errors: those of
  // loading; INVALID_ARGUMENT (address), UNAVAILABLE (port in use).
  static StatusOr<std::unique_ptr<Service>> Start(const ServeConfig& config,
                                                  const std::filesystem::path& home);
  virtual ~Service() = default;

  // "127.0.0.1:50051", with the port that was picked.
  virtual std::string grpc_address() const = 0;
  virtual std::string http_address() const = 0;

  // For people: models, device, corpora.
  virtual std::string Description() const = 0;

  // Takes no new calls, lets running ones end within the drain timeout, then cancels them.
  virtual void Drain() = 0;
};

}  // namespace footnote::server
