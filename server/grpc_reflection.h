// grpc.reflection.v1 and v1alpha: what a client may ask about the services of a server, answered
// from the descriptors that are compiled into it.
//
// Our own and not Debian's plugin, which knows v1alpha only and holds a thread for every client
// that keeps its stream open.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>
#include <vector>

namespace footnote::server {

// One service for each version. `names`: the services that a listing shows, in that order.
std::vector<std::unique_ptr<grpc::Service>> MakeGrpcReflection(std::vector<std::string> names);

// Full names of the services that are gRPC's own: both of reflection, and health, which gRPC's
// library serves without being able to describe it.
std::vector<std::string> GrpcProtocolNames();

}  // namespace footnote::server
