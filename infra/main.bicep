// The whole deployment: one resource group with the app, what it needs, and what watches it; one role at the Sentinel
// workspace. `azd up` deploys it. Roles are made before the app, so that its first start already has them.
targetScope = 'subscription'

// ---- where and for whom

@description('Name of the azd environment: part of the resource group\'s name, and of the seed of all others.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything that is made here. Must offer Flex Consumption with Python 3.13.')
@minLength(1)
param location string

@description('Who is told by e-mail when the sweep is dead, failing or only rehearsing, or an incident lies unattended: addresses separated by commas.')
@minLength(3)
param alertEmails string

@description('Region of the Sentinel workspace; the alert that reads its incidents is made there. Empty: the same as location.')
param sentinelLocation string = ''

@description('How the app gets its rights on the Sentinel workspace. responder: the built-in Microsoft Sentinel Responder. custom: a role with just the actions that the code uses. none: an administrator grants it; the command is printed.')
@allowed([
  'responder'
  'custom'
  'none'
])
param sentinelAccess string = 'responder'

@description('Hours without a sweep that ended clean or flagged after which the absence alert fires: the longest gap that sweepSchedule leaves, plus two. Azure Monitor looks back 48 hours at most, so the sweep must run at least every 45 hours or so.')
@minValue(1)
@maxValue(47)
param absenceHours int = 26

@description('Memory of the app\'s instance in MB. More where very many recipients are over the threshold: the hunt\'s answer is held in memory.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

// ---- the app settings, one parameter each; their meaning in full is in README.md

@description('SWEEP_SCHEDULE: when to sweep, a six-field NCRONTAB expression in UTC. Change absenceHours with it.')
@minLength(11)
param sweepSchedule string = '0 0 6 * * *'

@description('SENTINEL_WORKSPACE_ID: the workspace (customer) id, a GUID, for queries.')
@minLength(36)
@maxLength(36)
param sentinelWorkspaceId string

@description('SENTINEL_WORKSPACE_RESOURCE_ID: the same workspace\'s ARM id, /subscriptions/…/workspaces/<name>, for incidents.')
@minLength(80)
param sentinelWorkspaceResourceId string

@description('TEAMS_WEBHOOK_URL: the Teams Workflows webhook. Written to the vault when given; when left out, the secret that is there stays as it is.')
@secure()
param teamsWebhookUrl string = ''

@description('SUM_CASE_THRESHOLD: a recipient is flagged when more of their messages than this were remediated.')
@minValue(0)
@maxValue(1000000000)
param sumCaseThreshold int = 10

@description('HIGH_SEVERITY_THRESHOLD: severity is High above this, else Medium. Not below sumCaseThreshold; 5 times it unless given.')
@minValue(0)
@maxValue(1000000000)
param highSeverityThreshold int = 5 * sumCaseThreshold

@description('LOOKBACK_DAYS: how far back the hunt looks. 30 at most when huntSource is defender.')
@minValue(1)
@maxValue(90)
param lookbackDays int = 30

@description('DEDUPLICATE: count each message once per recipient, by its newest state. false counts every row, as the published query does.')
param deduplicate bool = true

@description('MAX_DATA_AGE_HOURS: when the newest row is older than this, the verdict is untrusted.')
@minValue(1)
@maxValue(876000)
param maxDataAgeHours int = 24

@description('MAX_NEW_INCIDENTS: more new incidents than this in one sweep are held for the following ones.')
@minValue(1)
@maxValue(1000000000)
param maxNewIncidents int = 100

@description('EXCLUDED_RECIPIENTS: recipients left alone until a date: objects with pattern, until (YYYY-MM-DD) and reason, all three required.')
param excludedRecipients array = []

@description('BENIGN_REOPEN_FACTOR: after a benign or false-positive closing, this many thresholds of new messages are needed.')
@minValue(1)
@maxValue(1000000000)
param benignReopenFactor int = 2

@description('REMIND_AFTER_DAYS: remind about a New, unowned incident of ours at this age and every so many days. 0 = never.')
@minValue(0)
@maxValue(36500)
param remindAfterDays int = 3

@description('HEARTBEAT_DAYS: post a card saying how things stand when Teams has accepted none for so long. 0 = never.')
@minValue(0)
@maxValue(36500)
param heartbeatDays int = 7

@description('CARD_SUBJECTS: show mail subjects on cards.')
param cardSubjects bool = false

@description('TEAMS_MENTIONS: user principal names to mention on new and escalated findings.')
param teamsMentions array = []

@description('TEAMS_WEBHOOK_EXTRA_HOSTS: host[:port] that the webhook may have beside Microsoft\'s own, such as a proxy\'s.')
param teamsWebhookExtraHosts array = []

@description('LEDGER_URL: where the ledger is kept. Empty: in the storage account made here, table sweepledger.')
param ledgerUrl string = ''

@description('LEASE_SECONDS: how long a sweep that was killed keeps the next one waiting.')
@minValue(5)
@maxValue(600)
param leaseSeconds int = 60

@description('SWEEP_BUDGET_SECONDS: no new effect is begun after this; the rest stays due for the next sweep.')
@minValue(30)
@maxValue(21600)
param sweepBudgetSeconds int = 1500

@description('HUNT_SOURCE: sentinel (Log Analytics) or defender (Graph advanced hunting; needs ThreatHunting.Read.All, see docs/permissions.md).')
@allowed([
  'sentinel'
  'defender'
])
param huntSource string = 'sentinel'

@description('DRY_RUN: plan and log, write nothing. An alert fires while dry runs are all there is.')
param dryRun bool = false

@description('AZURE_CLOUD: which Microsoft cloud this is.')
@allowed([
  'AzureCloud'
  'AzureUSGovernment'
  'AzureChinaCloud'
])
param azureCloud string = 'AzureCloud'

@description('LOG_ANALYTICS_ENDPOINT: another address for queries, such as a private link\'s. Empty: the cloud\'s.')
param logAnalyticsEndpoint string = ''

@description('ARM_ENDPOINT: another address for incidents. Empty: the cloud\'s.')
param armEndpoint string = ''

@description('GRAPH_ENDPOINT: another address for advanced hunting. Empty: the cloud\'s.')
param graphEndpoint string = ''

// ---- what follows from them

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
}
var workspaceParts = split(sentinelWorkspaceResourceId, '/')
var workspaceSubscription = workspaceParts[2]
var workspaceGroup = workspaceParts[4]
var workspaceName = last(workspaceParts)
var granted = sentinelAccess != 'none'
var responderRole = '3e150937-b8fe-4cfb-8069-0eaf05ecd056'
var vaultReference = '@Microsoft.KeyVault(SecretUri=${vault.outputs.webhookSecretUri})'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-sweep-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-sweep-${token}'
    componentName: 'appi-sweep-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stsweep${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    logWorkspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-sweep-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    webhookUrl: teamsWebhookUrl
    logWorkspaceId: monitoring.outputs.workspaceId
  }
}

module sentinelRights 'modules/sentinel-access.bicep' = if (granted) {
  name: 'sentinel-access-${token}'
  scope: resourceGroup(workspaceSubscription, workspaceGroup)
  params: {
    workspaceName: workspaceName
    principalId: identity.outputs.principalId
    access: sentinelAccess
  }
}

module app 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-sweep-${token}'
    planName: 'plan-sweep-${token}'
    location: location
    tags: union(tags, {
      'azd-service-name': 'sweep'
    })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    packageContainerUrl: storage.outputs.packageContainerUrl
    connectionString: monitoring.outputs.connectionString
    logWorkspaceId: monitoring.outputs.workspaceId
    instanceMemoryMB: instanceMemoryMB
    settings: {
      SWEEP_SCHEDULE: sweepSchedule
      SENTINEL_WORKSPACE_ID: sentinelWorkspaceId
      SENTINEL_WORKSPACE_RESOURCE_ID: sentinelWorkspaceResourceId
      TEAMS_WEBHOOK_URL: vaultReference
      SUM_CASE_THRESHOLD: string(sumCaseThreshold)
      HIGH_SEVERITY_THRESHOLD: string(highSeverityThreshold)
      LOOKBACK_DAYS: string(lookbackDays)
      DEDUPLICATE: toLower(string(deduplicate))
      MAX_DATA_AGE_HOURS: string(maxDataAgeHours)
      MAX_NEW_INCIDENTS: string(maxNewIncidents)
      EXCLUDED_RECIPIENTS: string(excludedRecipients)
      BENIGN_REOPEN_FACTOR: string(benignReopenFactor)
      REMIND_AFTER_DAYS: string(remindAfterDays)
      HEARTBEAT_DAYS: string(heartbeatDays)
      CARD_SUBJECTS: toLower(string(cardSubjects))
      TEAMS_MENTIONS: string(teamsMentions)
      TEAMS_WEBHOOK_EXTRA_HOSTS: string(teamsWebhookExtraHosts)
      LEDGER_URL: empty(ledgerUrl) ? storage.outputs.tableEndpoint : ledgerUrl
      LEASE_SECONDS: string(leaseSeconds)
      SWEEP_BUDGET_SECONDS: string(sweepBudgetSeconds)
      HUNT_SOURCE: huntSource
      DRY_RUN: toLower(string(dryRun))
      AZURE_CLOUD: azureCloud
      LOG_ANALYTICS_ENDPOINT: logAnalyticsEndpoint
      ARM_ENDPOINT: armEndpoint
      GRAPH_ENDPOINT: graphEndpoint
      AZURE_CLIENT_ID: identity.outputs.clientId
    }
  }
  dependsOn: [
    sentinelRights
  ]
}

module alarms 'modules/alarms.bicep' = {
  name: 'alarms'
  scope: group
  params: {
    location: location
    sentinelLocation: empty(sentinelLocation) ? location : sentinelLocation
    tags: tags
    emails: alertEmails
    absenceHours: absenceHours
    logWorkspaceId: monitoring.outputs.workspaceId
    sentinelWorkspaceResourceId: sentinelWorkspaceResourceId
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    logWorkspaceId: monitoring.outputs.workspaceId
    sentinelWorkspaceResourceId: sentinelWorkspaceResourceId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output SWEEP_FUNCTION_APP_NAME string = app.outputs.name
output SWEEP_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output SWEEP_KEY_VAULT_NAME string = vault.outputs.name
output SWEEP_LEDGER_URL string = storage.outputs.tableEndpoint
output SWEEP_LOG_WORKSPACE_ID string = monitoring.outputs.workspaceId
@description('The command that grants what this deployment did not; empty when it granted all.')
output SENTINEL_ACCESS_COMMAND string = granted ? '' : 'az role assignment create --assignee-object-id ${identity.outputs.principalId} --assignee-principal-type ServicePrincipal --role ${responderRole} --scope ${sentinelWorkspaceResourceId}'
