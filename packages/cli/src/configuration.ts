// Reading configuration files, apart from the programs: every command would start later for the YAML and the schema that few need.
export { parseConfiguration, readConfigurationText } from '@nfqlb/configuration';
