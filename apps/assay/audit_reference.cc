#include "audit_reference.h"

#include <fmt/format.h>

#include "assay/weights_manifest.h"
#include "base/try.h"
#include "program.h"

namespace assay::cli {

void add_folder(CLI::App* verb, FolderOptions& options) {
  add_option(verb, "--manifest FILE", options.manifest,
             "the manifest of these weights; without it all of them are hashed");
  add_option(verb, "--dtype NAME", options.dtype, "the type that the model computes in")
      ->capture_default_str();
}

void add_reference(Program& program, CLI::App* verb, ReferenceOptions& options) {
  add_option(verb, "--weights DIR", options.folder.weights, "your copy of the model");
  add_folder(verb, options.folder);
  add_option(verb, "--key FILE", options.key, "a secret key made by enroll, in place of --weights");
  program.refuse(verb, {"--manifest", "--dtype"}, Program::Idle::kWithout, "--weights");
}

Result<audit::RowDtype> dtype_of(const FolderOptions& options) {
  const std::optional<audit::RowDtype> dtype = audit::row_dtype_of(options.dtype);
  if (!dtype)
    return Error{ErrorCode::kMalformed, "--dtype",
                 fmt::format("'{}' is neither bfloat16, float16, float32 nor float64", options.dtype)};
  return *dtype;
}

Result<Digest> root_of(const weights::Folder& folder, const FolderOptions& options) {
  if (!options.manifest.empty()) return ASSAY_TRY(weights::Manifest::read(options.manifest)).root();
  return ASSAY_TRY(weights::Manifest::of(folder.tensors())).root();
}

Result<audit::Reference> reference_of(const ReferenceOptions& options) {
  if (options.folder.weights.empty() == options.key.empty())
    return Error{ErrorCode::kMalformed, "", "exactly one of --weights and --key is needed"};
  if (!options.key.empty()) return audit::Reference::of_key_file(options.key);
  const audit::RowDtype dtype = ASSAY_TRY(dtype_of(options.folder));
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(options.folder.weights));
  return audit::Reference::of(folder, dtype, ASSAY_TRY(root_of(folder, options.folder)));
}

}  // namespace assay::cli
