// A gRPC server over a scripted Api on a free port, and channels to it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "footnote/v1/answers.grpc.pb.h"
#include "footnote/v1/corpora.grpc.pb.h"
#include "footnote/v1/models.grpc.pb.h"
#include "server/grpc_server.h"
#include "tests/testing/scripted_api.h"
#include "tests/testing/status_matchers.h"

namespace footnote::server {

class GrpcFixture : public ::testing::Test {
 protected:
  // Tests replace the api's functions first.
  void Start(const AdmissionLimits& limits = {}) {
    admission = std::make_unique<Admission>(limits);
    auto started = GrpcServer::Start({"127.0.0.1:0"}, &api, admission.get(), &metrics);
    ASSERT_OK(started);
    server = *std::move(started);
    channel = NewChannel();
    answers = v1::AnswerService::NewStub(channel);
    corpora = v1::CorpusService::NewStub(channel);
    models = v1::ModelService::NewStub(channel);
  }

  // A connection of its own: channels with the same arguments share one otherwise.
  std::shared_ptr<grpc::Channel> NewChannel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return grpc::CreateCustomChannel(server->address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  // Looks until `done` or ten seconds are over.
  static bool Eventually(const std::function<bool()>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return done();
  }

  // Waits so long for anything that should come at once, so that a failure is not a hang.
  static std::chrono::system_clock::time_point Soon() {
    return std::chrono::system_clock::now() + std::chrono::seconds(20);
  }

  testing::ScriptedApi api;
  Metrics metrics;
  std::unique_ptr<Admission> admission;
  std::unique_ptr<GrpcServer> server;  // before Admission goes
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::AnswerService::Stub> answers;
  std::unique_ptr<v1::CorpusService::Stub> corpora;
  std::unique_ptr<v1::ModelService::Stub> models;
};

}  // namespace footnote::server
