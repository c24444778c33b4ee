// `--compat`: the original's flags, and its way of training, attesting and verifying.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "assay/probe_attestation.h"
#include "console.h"

namespace assay::cli {

struct CompatTrainOptions {
  probe::CompatTraining training;
  std::string validation_labels;
};
void add_compat_flags(CLI::App* verb, CompatTrainOptions& options);

struct CompatTrainInputs {
  std::string activations;
  std::string labels;
  std::string unembedding;
  std::string layer;
  std::string dimension;
  std::string output;
};
[[nodiscard]] Result<int> compat_train(const CompatTrainInputs& inputs, const CompatTrainOptions& options,
                                       const Console& console);

struct CompatAttestFlags {
  std::string unembedding;
  std::string corpus_version;
  std::uint64_t timestamp = 0;
  std::string shards;
  std::string chain_parent;
  std::string geo_ref;
};
void add_compat_flags(CLI::App* verb, CompatAttestFlags& options);

struct CompatAttestInputs {
  std::string activations;
  std::string probes;
  std::string key;
  std::string model_id;
  std::string output;
};
[[nodiscard]] Result<int> compat_attest(const CompatAttestInputs& inputs, const CompatAttestFlags& options,
                                        const Console& console);

[[nodiscard]] Result<int> compat_verify(const std::string& attestation, const std::string& pubkey,
                                        const Console& console);

}  // namespace assay::cli
