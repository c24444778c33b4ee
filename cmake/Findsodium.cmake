# sodium::sodium, from what pkg-config knows: libsodium ships no CMake package on Debian 12. Installed beside
# assay-config.cmake, so that who links assay finds it in the same way.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_SODIUM QUIET libsodium)
endif()
find_path(sodium_INCLUDE_DIR sodium.h HINTS ${PC_SODIUM_INCLUDE_DIRS})
find_library(sodium_LIBRARY sodium HINTS ${PC_SODIUM_LIBRARY_DIRS})
mark_as_advanced(sodium_INCLUDE_DIR sodium_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(sodium
  REQUIRED_VARS sodium_LIBRARY sodium_INCLUDE_DIR VERSION_VAR PC_SODIUM_VERSION)
if(sodium_FOUND AND NOT TARGET sodium::sodium)
  add_library(sodium::sodium UNKNOWN IMPORTED)
  set_target_properties(sodium::sodium PROPERTIES
    IMPORTED_LOCATION ${sodium_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${sodium_INCLUDE_DIR})
endif()
