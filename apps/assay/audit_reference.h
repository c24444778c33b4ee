// What the verbs of `assay audit` hold products against: a model's folder, or a secret key made of it.
#pragma once

#include <string>

#include "assay/audit_check.h"
#include "assay/base.h"
#include "assay/weights.h"
#include "program.h"

namespace assay::cli {

struct FolderOptions {
  std::string weights;
  std::string manifest;
  std::string dtype = "bfloat16";
};

struct ReferenceOptions {
  FolderOptions folder;
  std::string key;

  [[nodiscard]] bool given() const { return !folder.weights.empty() || !key.empty(); }
};

/// --manifest and --dtype, of --weights.
void add_folder(CLI::App* verb, FolderOptions& options);
/// --weights and --key, with the flags of the first.
void add_reference(Program& program, CLI::App* verb, ReferenceOptions& options);

/// Errors: kMalformed.
[[nodiscard]] Result<audit::RowDtype> dtype_of(const FolderOptions& options);
/// The root of a folder's weights: of its manifest where that is given, else all of them are hashed.
[[nodiscard]] Result<Digest> root_of(const weights::Folder& folder, const FolderOptions& options);

/// Errors: kMalformed (not one of --weights and --key); those of what is read.
[[nodiscard]] Result<audit::Reference> reference_of(const ReferenceOptions& options);

}  // namespace assay::cli
