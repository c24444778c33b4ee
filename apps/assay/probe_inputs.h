// Files that the verbs of `assay probe` read, and what is said of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/probe_rows.h"
#include "assay/probe_set.h"
#include "assay/probe_statement.h"
#include "assay/probe_training.h"
#include "probe/report.h"

namespace assay::cli {

/// A file's text and its digest.
struct HashedText {
  std::string text;
  Digest sha256{};
};
/// Errors: kIo, kTooLarge.
[[nodiscard]] Result<HashedText> read_hashed(const std::string& path, std::uint64_t max_bytes);

struct HashedSet {
  probe::ProbeSet set;
  Digest sha256{};
};
[[nodiscard]] Result<HashedSet> read_set(const std::string& path);

/// Rows of activations with their labels and where they came from: --activations, --labels, --rows.
struct CorpusPaths {
  std::string activations;
  std::string labels;
  std::string rows;  ///< empty: STEM.rows where it is there
};
[[nodiscard]] Result<probe::Corpus> read_corpus(const CorpusPaths& paths);

/// --rows, else the file beside the activations; empty where there is none.
[[nodiscard]] std::string rows_of(const std::string& activations, const std::string& given);

/// "12", or "4,8,12", or "all" of those that are there. Errors: kMalformed, kMismatch.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_layers(const std::string& text,
                                                              const probe::Activations& activations);

/// The lines that say the figures of an evaluation.
[[nodiscard]] std::vector<std::string> lines_of(const probe::Evaluation& evaluation);

}  // namespace assay::cli
