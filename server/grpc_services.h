// The services of footnote.v1 as gRPC sees them: each method names its work and the call of Api
// that does it. What is written here is all that differs between methods; the rest is grpc_call.h.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "server/grpc_call.h"

namespace footnote::server {

// `parts` is copied; what it points to outlives the service.
std::unique_ptr<grpc::Service> MakeGrpcAnswerService(const GrpcParts& parts);
std::unique_ptr<grpc::Service> MakeGrpcCorpusService(const GrpcParts& parts);
std::unique_ptr<grpc::Service> MakeGrpcModelService(const GrpcParts& parts);

}  // namespace footnote::server
